#include "common/raft/raw_node.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/raft/membership.h"
#include "common/raft/raft.h"

namespace flotilla::raft {
namespace {

// Answers are of use only from members: others are late, or are sent by mistake.
bool IsAnswer(const Message& message) {
  return std::holds_alternative<VoteResponse>(message.body) ||
         std::holds_alternative<AppendResponse>(message.body) ||
         std::holds_alternative<AppendRejection>(message.body) ||
         std::holds_alternative<HeartbeatResponse>(message.body) ||
         std::holds_alternative<ReadIndexResponse>(message.body);
}

}  // namespace

absl::Status Config::Validate() const {
  if (id == PeerId(0)) return absl::InvalidArgumentError("raft config: id must not be 0");
  if (heartbeat_ticks == 0) {
    return absl::InvalidArgumentError("raft config: heartbeat_ticks must be at least 1");
  }
  if (election_timeout_ticks <= heartbeat_ticks) {
    return absl::InvalidArgumentError(
        "raft config: election_timeout_ticks must be more than heartbeat_ticks");
  }
  if (max_inflight_messages == 0 || max_inflight_bytes == 0) {
    return absl::InvalidArgumentError("raft config: the window of inflights must not be empty");
  }
  if (max_unapplied_bytes == 0) {
    return absl::InvalidArgumentError("raft config: max_unapplied_bytes must be at least 1");
  }
  if (lease_based_reads && !check_quorum) {
    return absl::InvalidArgumentError("raft config: lease_based_reads needs check_quorum");
  }
  if (vote_hold_off_ticks > election_timeout_ticks) {
    return absl::InvalidArgumentError(
        "raft config: vote_hold_off_ticks must not exceed election_timeout_ticks");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RawNode>> RawNode::Create(const Config& config,
                                                         const HardState& hard_state,
                                                         const ConfState& conf_state, Index applied,
                                                         LogReader* log) {
  CHECK(log != nullptr);
  RETURN_IF_ERROR(config.Validate());
  RETURN_IF_ERROR(ValidateConfState(conf_state));
  // A snapshot or truncation up to `truncated` was applied, and what is applied was committed: the
  // hard state that says so may not have been written yet.
  applied = std::max(applied, log->truncated().index);
  HardState state = hard_state;
  state.commit = std::max(state.commit, applied);
  if (state.commit > log->last_index()) {
    return absl::DataLossError("raft log of peer " + std::to_string(config.id.value()) +
                               " ends at " + std::to_string(log->last_index().value()) +
                               ", before the commit index " + std::to_string(state.commit.value()));
  }
  return std::unique_ptr<RawNode>(
      new RawNode(std::make_unique<Raft>(config, state, conf_state, applied, log)));
}

RawNode::RawNode(std::unique_ptr<Raft> raft)
    : raft_(std::move(raft)),
      told_soft_state_(raft_->soft_state()),
      told_hard_state_(raft_->hard_state()) {}

RawNode::~RawNode() = default;

// --- Inputs -------------------------------------------------------------------------------------

void RawNode::Tick() { raft_->Tick(); }

absl::Status RawNode::Step(Message message) {
  if (IsAnswer(message) && !IsMember(raft_->conf_state(), message.from)) {
    return absl::NotFoundError("peer " + std::to_string(message.from.value()) + " is no member");
  }
  return raft_->Step(std::move(message));
}

absl::Status RawNode::Campaign() {
  raft_->Campaign();
  return absl::OkStatus();
}

absl::Status RawNode::Propose(std::vector<Bytes> payloads) {
  if (payloads.empty()) return absl::InvalidArgumentError("nothing proposed");
  std::vector<Entry> entries(payloads.size());
  for (size_t i = 0; i < payloads.size(); ++i) entries[i].data = std::move(payloads[i]);
  return raft_->Propose(std::move(entries));
}

absl::Status RawNode::ProposeConfChange(const ConfChange& change) {
  std::vector<Entry> entries(1);
  entries[0].type = EntryType::kConfChange;
  entries[0].data = EncodeConfChange(change);
  return raft_->Propose(std::move(entries));
}

absl::Status RawNode::ReadIndex(ReadId read_id) { return raft_->ReadIndex(read_id); }
void RawNode::TransferLeadership(PeerId target) { raft_->TransferLeadership(target); }
void RawNode::ForgetLeader() { raft_->ForgetLeader(); }
void RawNode::TellCommit() { raft_->TellCommit(); }
void RawNode::SendPostponed() { raft_->SendPostponed(); }
void RawNode::ReportUnreachable(PeerId peer) { raft_->ReportUnreachable(peer); }
void RawNode::ReportSnapshot(PeerId peer, bool succeeded) {
  raft_->ReportSnapshot(peer, succeeded);
}
void RawNode::SetRandomizedElectionTimeout(uint32_t ticks) {
  raft_->SetRandomizedElectionTimeout(ticks);
}

// --- Outputs ------------------------------------------------------------------------------------

bool RawNode::HasReady() const {
  const Outbox& outbox = raft_->outbox();
  const RaftLog& log = raft_->log();
  return !outbox.messages.empty() || !outbox.after_persist.empty() || !outbox.reads.empty() ||
         !outbox.dropped_reads.empty() || log.unstable().HasNewEntries() ||
         log.unstable().HasNewSnapshot() || log.HasNextCommitted() ||
         raft_->soft_state() != told_soft_state_ || raft_->hard_state() != told_hard_state_;
}

Ready RawNode::TakeReady() {
  CHECK(HasReady());
  RaftLog& log = raft_->log();
  Ready ready;
  if (SoftState soft_state = raft_->soft_state(); soft_state != told_soft_state_) {
    ready.soft_state = soft_state;
    told_soft_state_ = soft_state;
  }
  ready.append.entries = log.unstable().NewEntries();
  if (log.unstable().HasNewSnapshot()) {
    ready.append.snapshot = log.unstable().snapshot();
    ready.append.token.snapshot = ready.append.snapshot->meta.index;
  }
  if (HardState hard_state = raft_->hard_state(); hard_state != told_hard_state_) {
    ready.append.hard_state = hard_state;
    told_hard_state_ = hard_state;
  }
  ready.committed = log.TakeCommitted();

  Outbox outbox = std::exchange(raft_->outbox(), {});
  ready.messages = std::move(outbox.messages);
  ready.append.messages = std::move(outbox.after_persist);
  ready.reads = std::move(outbox.reads);
  ready.dropped_reads = std::move(outbox.dropped_reads);

  ready.append.token.term = raft_->term();
  if (!ready.append.empty() && log.unstable().has_entries()) ready.append.token.last = log.last();
  log.MarkInProgress();
  return ready;
}

// Why a token carries the term, and why a stale one is ignored. Entries leave the unstable log once
// they are durable; from then on the core reads them from the LogReader. Let B be a follower whose
// writes are slow:
//
//  1. A leads term 1 and sends B entry 5. B hands out write W1: (1, 5).
//  2. C becomes leader of term 2, without B, and sends B its own entry 5. It replaces A's in the
//     unstable log; B hands out W2: (2, 5).
//  3. A comes back, becomes leader of term 3, and sends B entry 5 once more. A replicated entry
//     keeps its term, so the unstable log holds (1, 5) again; B hands out W3: (1, 5).
//  4. W1 completes. Position (1, 5) is in the unstable log, so it looks durable.
//  5. But W2 is still on its way and will replace it on disk, until W3 sets it right. Had the core
//     dropped the entry from its memory at 4, it would read C's entry 5 after W2: another history.
//
// So a token counts only while the term is the one in which its Ready was taken: within one term
// there is one leader, entries are only added, and no write under way replaces what a later token
// calls durable. What a stale token leaves behind is not lost: each Ready that writes anything
// carries the end of the log as of its own term, and a change of term is itself such a write, so a
// later token covers the same entries.
void RawNode::OnPersisted(const PersistToken& token) { raft_->OnPersisted(token); }

void RawNode::OnApplied(Index index) { raft_->OnApplied(index); }

ConfState RawNode::ApplyConfChange(const ConfChange& change, Index index) {
  return raft_->ApplyConfChange(change, index);
}

// --- Views --------------------------------------------------------------------------------------

NodeStatus RawNode::Status() const {
  NodeStatus status;
  status.id = raft_->id();
  status.hard_state = raft_->hard_state();
  status.soft_state = raft_->soft_state();
  status.applied = raft_->log().applied();
  status.last_index = raft_->log().last_index();
  status.conf_state = raft_->conf_state();
  status.lead_transferee = lead_transferee();
  const LeaderRole* leader = raft_->leader_role();
  if (leader == nullptr) return status;
  for (const auto& [peer, progress] : leader->tracker.all()) {
    status.progress[peer] = {.match = progress.match(),
                             .next = progress.next(),
                             .state = progress.state(),
                             .recently_active = progress.recently_active(),
                             .is_learner = IsLearner(status.conf_state, peer),
                             .pending_snapshot = progress.pending_snapshot(),
                             .inflight_messages = progress.inflights().count()};
  }
  return status;
}

Term RawNode::term() const { return raft_->term(); }
Role RawNode::role() const { return raft_->role(); }
PeerId RawNode::leader() const { return raft_->leader(); }

PeerId RawNode::lead_transferee() const {
  const LeaderRole* leader = raft_->leader_role();
  return leader == nullptr ? PeerId(0) : leader->transferee;
}

Index RawNode::last_index() const { return raft_->log().last_index(); }
Index RawNode::commit() const { return raft_->log().committed(); }
Term RawNode::TermAt(Index index) const { return raft_->log().TermAt(index).value_or(Term(0)); }

bool RawNode::CommittedInOwnTerm() const {
  return raft_->leader_role() != nullptr && raft_->CommittedInOwnTerm();
}

const ConfState& RawNode::conf_state() const { return raft_->conf_state(); }

uint64_t RawNode::HeartbeatRound() const {
  const LeaderRole* leader = raft_->leader_role();
  return leader == nullptr ? 0 : leader->heartbeat_round;
}

uint64_t RawNode::QuorumHeartbeatRound() const { return raft_->QuorumHeartbeatRound(); }

}  // namespace flotilla::raft
