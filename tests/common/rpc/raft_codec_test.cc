// Each kind of Raft message survives the wire; what is malformed is refused.

#include "common/rpc/raft_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flotilla/raft.pb.h"

namespace flotilla::rpc {
namespace {

using ::testing::HasSubstr;

raft::Entry MakeEntry(uint64_t term, uint64_t index, std::string data,
                      raft::EntryType type = raft::EntryType::kNormal) {
  return {Term(term), Index(index), type, Bytes(std::move(data))};
}

net::Envelope Wrap(raft::MessageBody body) {
  net::Envelope envelope;
  envelope.region_id = RegionId(5);
  envelope.from_store = StoreId(1);
  envelope.to_store = StoreId(2);
  envelope.epoch = {3, 4};
  envelope.context = Bytes("hint");
  envelope.message = {PeerId(11), PeerId(12), Term(7), std::move(body)};
  return envelope;
}

raft::Snapshot MakeSnapshot() {
  raft::Snapshot snapshot;
  snapshot.meta.index = Index(90);
  snapshot.meta.term = Term(6);
  snapshot.meta.conf_state.voters = {PeerId(11), PeerId(12)};
  snapshot.meta.conf_state.voters_outgoing = {PeerId(11), PeerId(13)};
  snapshot.meta.conf_state.learners = {PeerId(14)};
  snapshot.meta.conf_state.learners_next = {PeerId(13)};
  snapshot.meta.conf_state.auto_leave = true;
  snapshot.data = Bytes(std::string("state\0with zero", 15));
  return snapshot;
}

std::vector<raft::MessageBody> AllBodies() {
  return {
      raft::VoteRequest{true, {Term(6), Index(42)}, true, {Term(5), Index(40)}},
      raft::VoteResponse{true, true, {Term(5), Index(41)}},
      raft::AppendRequest{
          {Term(6), Index(42)},
          Index(41),
          {MakeEntry(6, 43, "a"), MakeEntry(7, 44, "", raft::EntryType::kConfChange)}},
      raft::AppendResponse{Index(44)},
      raft::AppendRejection{Index(42), {Term(5), Index(30)}},
      raft::Heartbeat{Index(41), 17},
      raft::HeartbeatResponse{17},
      raft::InstallSnapshot{MakeSnapshot()},
      raft::TimeoutNow{},
      raft::TransferLeaderRequest{PeerId(13)},
      raft::ForwardedProposal{{MakeEntry(0, 0, "p"), MakeEntry(0, 0, "q")}},
      raft::ReadIndexRequest{raft::ReadId(5)},
      raft::ReadIndexResponse{raft::ReadId(5), Index(44)},
  };
}

absl::StatusOr<net::Envelope> ThroughTheWire(const net::Envelope& envelope) {
  raft::v1::Envelope out, in;
  EncodeEnvelope(envelope, &out);
  EXPECT_TRUE(in.ParseFromString(out.SerializeAsString()));
  return DecodeEnvelope(&in, envelope.from_store, envelope.to_store);
}

TEST(RaftCodecTest, EveryKindSurvives) {
  ASSERT_EQ(AllBodies().size(), std::variant_size_v<raft::MessageBody>);
  for (const raft::MessageBody& body : AllBodies()) {
    SCOPED_TRACE(body.index());
    const net::Envelope sent = Wrap(body);
    const absl::StatusOr<net::Envelope> got = ThroughTheWire(sent);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_TRUE(got->message == sent.message);
    EXPECT_EQ(got->region_id, sent.region_id);
    EXPECT_EQ(got->from_store, sent.from_store);
    EXPECT_EQ(got->to_store, sent.to_store);
    EXPECT_EQ(got->epoch, sent.epoch);
    EXPECT_EQ(got->context, sent.context);
  }
}

TEST(RaftCodecTest, DefaultsOfEveryKindSurvive) {
  const std::vector<raft::MessageBody> defaults = {
      raft::VoteRequest{},       raft::VoteResponse{},     raft::AppendRequest{},
      raft::AppendResponse{},    raft::AppendRejection{},  raft::Heartbeat{},
      raft::HeartbeatResponse{}, raft::InstallSnapshot{},  raft::TimeoutNow{},
      raft::ReadIndexRequest{},  raft::ReadIndexResponse{}};
  for (const raft::MessageBody& body : defaults) {
    const absl::StatusOr<net::Envelope> got = ThroughTheWire(Wrap(body));
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_TRUE(got->message.body == body) << body.index();
  }
}

absl::Status DecodeError(const std::function<void(raft::v1::Envelope*)>& spoil) {
  raft::v1::Envelope envelope;
  EncodeEnvelope(Wrap(raft::AppendRequest{{Term(6), Index(42)}, Index(41), {}}), &envelope);
  spoil(&envelope);
  return DecodeEnvelope(&envelope, StoreId(1), StoreId(2)).status();
}

TEST(RaftCodecTest, RefusesIdsThatAreZero) {
  EXPECT_TRUE(absl::IsInvalidArgument(DecodeError([](auto* e) { e->set_region_id(0); })));
  EXPECT_TRUE(
      absl::IsInvalidArgument(DecodeError([](auto* e) { e->mutable_message()->set_from(0); })));
  EXPECT_TRUE(
      absl::IsInvalidArgument(DecodeError([](auto* e) { e->mutable_message()->set_to(0); })));
  EXPECT_TRUE(DecodeError([](auto*) {}).ok());
}

TEST(RaftCodecTest, RefusesAMessageWithoutABody) {
  const absl::Status status = DecodeError([](auto* e) { e->mutable_message()->clear_body(); });
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no body"));
}

TEST(RaftCodecTest, RefusesEntriesThatDoNotFollowEachOther) {
  const absl::Status status = DecodeError([](auto* e) {
    e->mutable_message()->mutable_append_request()->add_entries()->set_index(44);
  });
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("entry 44 where 43 must be"));
}

TEST(RaftCodecTest, RefusesAnUnknownEntryType) {
  const absl::Status status = DecodeError([](auto* e) {
    auto* entry = e->mutable_message()->mutable_append_request()->add_entries();
    entry->set_index(43);
    entry->set_type(static_cast<raft::v1::EntryType>(9));
  });
  EXPECT_THAT(std::string(status.message()), HasSubstr("unknown type 9"));
}

absl::Status RefusalOf(raft::MessageBody body, Term term = Term(7)) {
  net::Envelope envelope = Wrap(std::move(body));
  envelope.message.term = term;
  const absl::Status status = ThroughTheWire(envelope).status();
  EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
  return status;
}

TEST(RaftCodecTest, RefusesAMessageFromItsReceiver) {
  const absl::Status status = DecodeError([](auto* e) { e->mutable_message()->set_from(12); });
  EXPECT_THAT(std::string(status.message()), HasSubstr("peer 12 writes to itself"));
}

// Adopted, they would bring the end of 64 bits, behind which there is no next term or index.
TEST(RaftCodecTest, RefusesNumbersThatNoGroupReaches) {
  constexpr uint64_t kMost = kMaxRaftNumber;
  for (const uint64_t number : {kMost + 1, UINT64_MAX}) {
    EXPECT_FALSE(RefusalOf(raft::Heartbeat{}, Term(number)).ok());
    EXPECT_FALSE(RefusalOf(raft::VoteRequest{false, {Term(1), Index(number)}, false, {}}).ok());
    EXPECT_FALSE(RefusalOf(raft::VoteRequest{false, {}, false, {Term(number), Index(1)}}).ok());
    EXPECT_FALSE(RefusalOf(raft::VoteResponse{false, false, {Term(1), Index(number)}}).ok());
    EXPECT_FALSE(RefusalOf(raft::AppendRequest{{Term(1), Index(number)}, {}, {}}).ok());
    EXPECT_FALSE(RefusalOf(raft::AppendRequest{{}, Index(number), {}}).ok());
    EXPECT_FALSE(RefusalOf(raft::AppendResponse{Index(number)}).ok());
    EXPECT_FALSE(RefusalOf(raft::AppendRejection{Index(number), {}}).ok());
    EXPECT_FALSE(RefusalOf(raft::Heartbeat{Index(number), 1}).ok());
    EXPECT_FALSE(RefusalOf(raft::HeartbeatResponse{number}).ok());
    EXPECT_FALSE(RefusalOf(raft::ReadIndexResponse{raft::ReadId(1), Index(number)}).ok());
    raft::Snapshot snapshot;
    snapshot.meta.index = Index(number);
    EXPECT_FALSE(RefusalOf(raft::InstallSnapshot{snapshot}).ok());
  }
  EXPECT_TRUE(RefusalOf(raft::Heartbeat{Index(kMost), kMost}, Term(kMost)).ok());
  // The end of an append that begins below the limit, and one that comes round to 0.
  const raft::EntryId last{Term(1), Index(kMost)};
  EXPECT_FALSE(RefusalOf(raft::AppendRequest{last, {}, {MakeEntry(1, kMost + 1, "")}}).ok());
  const raft::EntryId wraps{Term(1), Index(UINT64_MAX)};
  EXPECT_FALSE(RefusalOf(raft::AppendRequest{wraps, {}, {MakeEntry(1, 0, "")}}).ok());
}

TEST(RaftCodecTest, RefusesEntriesThatTheirLeaderCannotHave) {
  const raft::EntryId prev{Term(6), Index(1)};
  EXPECT_FALSE(RefusalOf(raft::AppendRequest{prev, {}, {MakeEntry(5, 2, "")}}).ok());
  EXPECT_FALSE(
      RefusalOf(raft::AppendRequest{prev, {}, {MakeEntry(7, 2, ""), MakeEntry(6, 3, "")}}).ok());
  EXPECT_FALSE(RefusalOf(raft::AppendRequest{prev, {}, {MakeEntry(8, 2, "")}}).ok());
  EXPECT_FALSE(RefusalOf(raft::AppendRequest{prev, {}, {}}, Term(5)).ok());
  EXPECT_FALSE(RefusalOf(raft::InstallSnapshot{MakeSnapshot()}, Term(5)).ok());
  EXPECT_TRUE(RefusalOf(raft::AppendRequest{prev, {}, {MakeEntry(7, 2, "")}}).ok());
}

TEST(RaftCodecTest, RefusesASnapshotWhoseMembersContradictEachOther) {
  raft::Snapshot snapshot = MakeSnapshot();
  snapshot.meta.conf_state.learners = {PeerId(12)};
  EXPECT_FALSE(RefusalOf(raft::InstallSnapshot{snapshot}).ok());
  snapshot = MakeSnapshot();
  snapshot.meta.conf_state.voters = {PeerId(12), PeerId(11)};
  EXPECT_FALSE(RefusalOf(raft::InstallSnapshot{snapshot}).ok());
}

TEST(RaftCodecTest, RefusesAForwardedProposalOfNothing) {
  EXPECT_FALSE(RefusalOf(raft::ForwardedProposal{}).ok());
}

TEST(RaftCodecTest, BytesCountPayloads) {
  const size_t empty = EnvelopeBytes(Wrap(raft::AppendRequest{}));
  const net::Envelope full =
      Wrap(raft::AppendRequest{{}, {}, {MakeEntry(1, 1, std::string(1000, 'x'))}});
  EXPECT_GE(EnvelopeBytes(full), empty + 1000);
  EXPECT_GE(EnvelopeBytes(Wrap(raft::InstallSnapshot{MakeSnapshot()})), empty + 15);
}

}  // namespace
}  // namespace flotilla::rpc
