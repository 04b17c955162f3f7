// The Raft core as the network may treat it: messages of any kind, sense and order, between ticks,
// proposals, slow writes and restarts. Each message passes the codec first, as on a store.
//
// One lie is left out: a heartbeat whose commit index lies beyond the log. That is how a node finds
// that it lost what it had acknowledged, and it stops on purpose.
#include <deque>
#include <memory>
#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/raft/membership.h"
#include "common/raft/raw_node.h"
#include "common/rpc/raft_codec.h"
#include "flotilla/raft.pb.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/raft/scenario/memory_log.h"

namespace flotilla::fuzz {
namespace {

constexpr int kMaxSteps = 300;
constexpr PeerId kSelf{1};

// Node 1 of a group of 1, 2 and 3, and its host.
class Node {
 public:
  explicit Node(FuzzInput* in)
      : in_(in), log_([this](PeerId, Index min) { return SnapshotAt(min); }) {
    config_.id = kSelf;
    config_.election_timeout_ticks = 3;
    config_.max_inflight_messages = 2;
    config_.max_append_bytes = 16;
    config_.max_uncommitted_bytes = 64;
    config_.max_unapplied_bytes = 64;
    config_.forward_proposals = in->Bool();
    config_.pre_vote = in->Bool();
    config_.async_storage_writes = in->Bool();
    config_.tell_commits_at_once = in->Bool();
    config_.vote_hold_off_ticks = in->Bool() ? 3 : 0;
    conf_.voters = {PeerId(1), PeerId(2), PeerId(3)};
    Start();
  }

  void Step() {
    switch (in_->Below(16)) {
      case 0:
        return raw_->Tick();
      case 1:
        return raw_->Campaign().IgnoreError();
      case 2:
        return raw_->Propose({Bytes(std::string(in_->Below(40), 'p'))}).IgnoreError();
      case 3:
        return raw_->ProposeConfChange(AnyConfChange()).IgnoreError();
      case 4:
        return raw_->ReadIndex(raft::ReadId(in_->Byte())).IgnoreError();
      case 5:
        return raw_->TransferLeadership(AnyPeer());
      case 6:
        return raw_->ReportSnapshot(AnyPeer(), in_->Bool());
      case 7:
        return in_->Bool() ? raw_->ReportUnreachable(AnyPeer()) : raw_->ForgetLeader();
      case 8:
        return Restart();
      case 9:
        return TakeReady();
      case 10:
        return Persist();
      case 11:
        return Apply();
      default:
        return Receive();
    }
  }

  // All that waits is written and applied.
  void Finish() {
    for (int i = 0; i < 1000 && (raw_->HasReady() || !writes_.empty()); ++i) {
      if (raw_->HasReady()) TakeReady();
      Persist();
      Apply();
    }
    CHECK(writes_.empty());
    CHECK_LE(applied_, raw_->commit());
    CHECK_LE(raw_->commit(), raw_->last_index());
  }

 private:
  void Start() {
    auto node = raft::RawNode::Create(config_, hard_state_, conf_, applied_, &log_);
    CHECK_OK(node.status());
    raw_ = *std::move(node);
  }
  // What was not written yet is lost.
  void Restart() {
    writes_.clear();
    committed_.clear();
    Start();
  }

  void TakeReady() {
    if (!raw_->HasReady()) return;
    raft::Ready ready = raw_->TakeReady();
    for (const raft::Message& message : ready.messages) CHECK_NE(message.to, kSelf);
    writes_.push_back(std::move(ready.append));
    if (!config_.async_storage_writes) Persist();
    for (raft::Entry& entry : ready.committed) committed_.push_back(std::move(entry));
  }

  void Persist() {
    if (writes_.empty()) return;
    raft::LogAppend append = std::move(writes_.front());
    writes_.pop_front();
    if (append.snapshot && log_.Restore(append.snapshot->meta).ok()) {
      conf_ = append.snapshot->meta.conf_state;
      applied_ = append.snapshot->meta.index;
      committed_.clear();
    }
    log_.Append(append.entries);
    if (append.hard_state) hard_state_ = *append.hard_state;
    if (!append.token.empty()) raw_->OnPersisted(append.token);
    for (raft::Message& message : append.messages) {
      if (message.to == kSelf) raw_->Step(std::move(message)).IgnoreError();
    }
  }

  void Apply() {
    if (committed_.empty()) return;
    const raft::Entry entry = std::move(committed_.front());
    committed_.pop_front();
    if (entry.index <= applied_) return;
    CHECK_EQ(entry.index, applied_ + 1) << "a hole among what is committed";
    if (entry.type == raft::EntryType::kConfChange) {
      const auto change = raft::DecodeConfChange(entry.data.view());
      // As hosts do: what does not fit is applied as nothing.
      if (change.ok() && raft::ChangeMembership(raw_->conf_state(), *change).ok()) {
        conf_ = raw_->ApplyConfChange(*change, entry.index);
      }
    }
    applied_ = entry.index;
    raw_->OnApplied(applied_);
  }

  absl::StatusOr<raft::Snapshot> SnapshotAt(Index min) const {
    if (applied_ < min || applied_ == Index(0)) return absl::UnavailableError("not yet");
    return raft::Snapshot{{applied_, raw_->TermAt(applied_), conf_}, Bytes("s")};
  }

  // --- What others say ---------------------------------------------------------------------------
  PeerId AnyPeer() { return PeerId(in_->Below(6)); }
  uint64_t Near(uint64_t number) {
    const uint64_t byte = in_->Byte();
    if (byte < 8) return in_->Number();
    return number + byte % 8 < 4 ? 0 : number + byte % 8 - 4;
  }
  Term AnyTerm() { return Term(Near(raw_->term().value())); }
  Index AnyIndex() {
    return Index(Near((in_->Bool() ? raw_->commit() : raw_->last_index()).value()));
  }
  raft::EntryId AnyPosition() {
    const Index index = AnyIndex();
    return {in_->Bool() ? raw_->TermAt(index) : AnyTerm(), index};
  }
  raft::ConfChange AnyConfChange() {
    raft::ConfChange change;
    change.transition = static_cast<raft::ConfChange::Transition>(in_->Below(3));
    for (uint64_t steps = in_->Below(4); steps > 0; --steps) {
      change.steps.push_back({static_cast<raft::ConfChangeStep::Type>(in_->Below(4)), AnyPeer()});
    }
    return change;
  }
  std::vector<raft::Entry> AnyEntries(Index after) {
    std::vector<raft::Entry> entries(in_->Below(4));
    for (raft::Entry& entry : entries) {
      entry.index = ++after;
      entry.term = AnyTerm();
      if (in_->Below(4) == 0) {
        entry.type = raft::EntryType::kConfChange;
        entry.data = raft::EncodeConfChange(AnyConfChange());
      }
    }
    return entries;
  }
  raft::Snapshot AnySnapshot() {
    const raft::EntryId at = AnyPosition();
    raft::Snapshot snapshot{{at.index, at.term, {}}, Bytes("s")};
    raft::ConfState& conf = snapshot.meta.conf_state;
    for (uint64_t peer = 1; peer < 5; ++peer) {
      const uint64_t roles = in_->Below(8);
      if (roles & 1) conf.voters.emplace_back(peer);
      if (roles & 2) conf.voters_outgoing.emplace_back(peer);
      if (roles == 4) conf.learners.emplace_back(peer);
    }
    conf.auto_leave = in_->Bool() && !conf.voters_outgoing.empty();
    return snapshot;
  }
  raft::MessageBody AnyBody() {
    switch (in_->Below(13)) {
      case 0:
        return raft::VoteRequest{in_->Bool(), AnyPosition(), in_->Bool(), AnyPosition()};
      case 1:
        return raft::VoteResponse{in_->Bool(), in_->Bool(), AnyPosition()};
      case 2: {
        const raft::EntryId prev = AnyPosition();
        return raft::AppendRequest{prev, AnyIndex(), AnyEntries(prev.index)};
      }
      case 3:
        return raft::AppendResponse{AnyIndex()};
      case 4:
        return raft::AppendRejection{AnyIndex(), AnyPosition()};
      case 5:
        return raft::Heartbeat{std::min(AnyIndex(), raw_->last_index()), in_->Byte()};
      case 6:
        return raft::HeartbeatResponse{Near(raw_->HeartbeatRound())};
      case 7:
        return raft::InstallSnapshot{AnySnapshot()};
      case 8:
        return raft::TimeoutNow{};
      case 9:
        return raft::TransferLeaderRequest{AnyPeer()};
      case 10:
        return raft::ForwardedProposal{AnyEntries(Index(0))};
      case 11:
        return raft::ReadIndexRequest{raft::ReadId(in_->Byte())};
      default:
        return raft::ReadIndexResponse{raft::ReadId(in_->Byte()), AnyIndex()};
    }
  }
  void Receive() {
    net::Envelope sent;
    sent.region_id = RegionId(1);
    const PeerId from = AnyPeer();
    const Term term = AnyTerm();
    sent.message = {from, kSelf, term, AnyBody()};
    raft::v1::Envelope wire;
    rpc::EncodeEnvelope(sent, &wire);
    auto received = rpc::DecodeEnvelope(&wire, StoreId(2), StoreId(1));
    if (!received.ok()) return;
    raw_->Step(std::move(received->message)).IgnoreError();
  }

  FuzzInput* const in_;
  raft::scenario::MemoryLog log_;
  raft::Config config_;
  // Durable, as is the log.
  raft::HardState hard_state_;
  raft::ConfState conf_;
  Index applied_;

  std::unique_ptr<raft::RawNode> raw_;
  std::deque<raft::LogAppend> writes_;
  std::deque<raft::Entry> committed_;
};

class RaftNodeTarget final : public FuzzTarget {
 public:
  void Run(std::string_view input) override {
    FuzzInput in(input);
    Node node(&in);
    for (int i = 0; i < kMaxSteps && !in.empty(); ++i) node.Step();
    node.Finish();
  }
  std::vector<std::string> Seeds() const override {
    // Campaign, take and write, one vote, propose, take and write.
    const std::string elected("\0\0\1\0\0\1\x9\xa\xc\2\xb\1\0\0\0\0\0\0\0", 19);
    return {elected, elected + std::string("\2\5\x9\xa\2\5\x9\xa\0\0", 10),
            std::string("\1\1\1\1\1\x9\xa\0\0\0\0\x9\xa\xb", 14)};
  }
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeRaftNodeTarget() { return std::make_unique<RaftNodeTarget>(); }

}  // namespace flotilla::fuzz
