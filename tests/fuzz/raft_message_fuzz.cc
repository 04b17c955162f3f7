// Envelopes from the wire: what is taken has the form that the core takes for granted, and goes out
// and in again unchanged.
#include "common/base/check.h"
#include "common/raft/membership.h"
#include "common/rpc/raft_codec.h"
#include "flotilla/raft.pb.h"
#include "tests/fuzz/fuzz_target.h"

namespace flotilla::fuzz {
namespace {

absl::StatusOr<net::Envelope> Decode(raft::v1::Envelope wire) {
  return rpc::DecodeEnvelope(&wire, StoreId(1), StoreId(2));
}

class RaftMessageTarget final : public FuzzTarget {
 public:
  void Run(std::string_view input) override {
    raft::v1::Envelope wire;
    if (!wire.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
    const absl::StatusOr<net::Envelope> envelope = Decode(wire);
    if (!envelope.ok()) return;
    CHECK_LE(envelope->message.term.value(), rpc::kMaxRaftNumber);
    CHECK_NE(envelope->message.from, envelope->message.to);
    raft::v1::Envelope again;
    rpc::EncodeEnvelope(*envelope, &again);
    const absl::StatusOr<net::Envelope> decoded = Decode(again);
    CHECK_OK(decoded.status());
    CHECK(decoded->message == envelope->message) << "lost on the way: " << wire.DebugString();
    CHECK(rpc::EnvelopeBytes(*decoded) == rpc::EnvelopeBytes(*envelope));
  }

  std::vector<std::string> Seeds() const override {
    std::vector<std::string> seeds;
    for (const raft::MessageBody& body : Bodies()) {
      net::Envelope envelope;
      envelope.region_id = RegionId(5);
      envelope.epoch = {1, 2};
      envelope.message = {PeerId(1), PeerId(2), Term(7), body};
      raft::v1::Envelope wire;
      rpc::EncodeEnvelope(envelope, &wire);
      seeds.push_back(wire.SerializeAsString());
    }
    return seeds;
  }

 private:
  static std::vector<raft::MessageBody> Bodies() {
    const raft::EntryId at{Term(6), Index(9)};
    const raft::Entry entry{Term(7), Index(10), raft::EntryType::kNormal, Bytes("x")};
    raft::Snapshot snapshot{{at.index, at.term, {}}, Bytes("s")};
    snapshot.meta.conf_state.voters = {PeerId(1), PeerId(2)};
    snapshot.meta.conf_state.voters_outgoing = {PeerId(1), PeerId(3)};
    snapshot.meta.conf_state.learners_next = {PeerId(3)};
    return {raft::VoteRequest{true, at, true, at},
            raft::VoteResponse{true, true, at},
            raft::AppendRequest{at, Index(9), {entry}},
            raft::AppendResponse{Index(9)},
            raft::AppendRejection{Index(9), at},
            raft::Heartbeat{Index(9), 3},
            raft::HeartbeatResponse{3},
            raft::InstallSnapshot{snapshot},
            raft::TimeoutNow{},
            raft::TransferLeaderRequest{PeerId(2)},
            raft::ForwardedProposal{{entry}},
            raft::ReadIndexRequest{raft::ReadId(4)},
            raft::ReadIndexResponse{raft::ReadId(4), Index(9)}};
  }
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeRaftMessageTarget() {
  return std::make_unique<RaftMessageTarget>();
}

}  // namespace flotilla::fuzz
