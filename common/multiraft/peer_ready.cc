// The half of Peer that takes things out of the node: proposals in, Readys out. See peer.h.
#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/planted_bugs.h"
#include "common/errors/region_error.h"
#include "common/multiraft/command_frame.h"
#include "common/multiraft/peer.h"
#include "common/multiraft/transferee.h"

namespace flotilla::multiraft {
namespace {

bool HoldsConfChange(const std::vector<raft::Entry>& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const raft::Entry& entry) {
    return entry.type == raft::EntryType::kConfChange;
  });
}

}  // namespace

void Peer::Advance() {
  touched_ = false;
  ProposeWaiting();
  StartReads();
  while (node_->HasReady()) {
    // Before anything leaves: what is sent now must find the lease as it is.
    OnRoleMayHaveChanged();
    UpdateLease();
    HandleReady(node_->TakeReady());
    StartReads();
    TellOwedCommit();
  }
  OnRoleMayHaveChanged();
  MaybeLeaderReady();
  UpdateLease();
}

// --- Proposals -----------------------------------------------------------------------------------

absl::Status Peer::Check(const Proposal& proposal) const {
  if (node_->role() != raft::Role::kLeader) return delegate_->NotLeader(node_->leader());
  if (node_->lead_transferee() != PeerId()) return delegate_->NotLeader(node_->lead_transferee());
  if (proposal.term && *proposal.term != node_->term()) return errors::StaleCommand();
  if (proposal.deadline <= env_->round.now) {
    return absl::DeadlineExceededError("proposal came after its deadline");
  }
  const uint64_t limit = env_->config->max_entry_bytes;
  if (proposal.command.size() > limit) {
    return errors::RaftEntryTooLarge(region_id_, proposal.command.size(), limit);
  }
  return delegate_->CheckProposal(proposal);
}

void Peer::ProposeWaiting() {
  if (waiting_proposals_.empty()) return;
  // Whoever is answered here has nothing to do with a stop in the middle of it.
  proposing_.swap(waiting_proposals_);
  std::vector<Frame> frames;
  CommandFrameBuilder builder;
  std::vector<ProposalWaiter> waiters;
  const auto close_frame = [&] {
    if (builder.empty()) return;
    frames.push_back({Bytes(builder.Take()), std::exchange(waiters, {})});
  };
  double refused = 0;
  for (Proposal& proposal : proposing_) {
    absl::Status status = Check(proposal);
    if (!status.ok()) {
      ++refused;
      std::move(proposal.callback)(std::move(status));
      continue;
    }
    if (proposal.conf_change) {
      close_frame();
      ProposeFrames(frames);
      ProposeConfChange(std::move(proposal));
      continue;
    }
    const bool full = builder.ByteSize() + proposal.command.size() > env_->config->max_merged_bytes;
    if (full || proposal.own_entry) close_frame();
    builder.Add(proposal.command);
    waiters.push_back({proposal.deadline, std::move(proposal.callback)});
    if (proposal.own_entry) close_frame();
  }
  close_frame();
  ProposeFrames(frames);
  proposing_.clear();
  if (refused > 0) env_->metrics->proposals_refused.Increment(refused);
}

void Peer::ProposeFrames(std::vector<Frame>& frames) {
  if (frames.empty()) return;
  std::vector<Bytes> payloads;
  payloads.reserve(frames.size());
  for (const Frame& frame : frames) payloads.push_back(frame.payload);
  const absl::Status status = node_->Propose(std::move(payloads));
  size_t proposals = 0;
  if (status.ok()) {
    Index index = node_->last_index() - (frames.size() - 1);
    for (Frame& frame : frames) {
      proposals += frame.waiters.size();
      proposals_.Add({{node_->term(), index}, std::move(frame.waiters), env_->round.now});
      ++index;
    }
    env_->metrics->proposals.Increment(static_cast<double>(proposals));
    env_->metrics->entries_proposed.Increment(static_cast<double>(frames.size()));
  } else {
    const absl::Status error = ProposalError(status);
    for (Frame& frame : frames) {
      proposals += frame.waiters.size();
      PendingEntry{{}, std::move(frame.waiters), {}}.Answer(error);
    }
    env_->metrics->proposals_refused.Increment(static_cast<double>(proposals));
  }
  frames.clear();
}

void Peer::ProposeConfChange(Proposal proposal) {
  if (const auto successor = SuccessorFor(*proposal.conf_change, node_->Status())) {
    LOG_INFO("region {} peer {} hands over to peer {}: it is to vote no more", region_id_, peer_id_,
             *successor);
    StartTransfer(*successor).IgnoreError();
    env_->metrics->proposals_refused.Increment();
    std::move(proposal.callback)(delegate_->NotLeader(*successor));
    return;
  }
  const absl::Status status = node_->ProposeConfChange(*proposal.conf_change);
  if (!status.ok()) {
    env_->metrics->proposals_refused.Increment();
    std::move(proposal.callback)(ProposalError(status));
    return;
  }
  PendingEntry pending{
      .at = {node_->term(), node_->last_index()}, .waiters = {}, .since = env_->round.now};
  pending.waiters.push_back({proposal.deadline, std::move(proposal.callback)});
  proposals_.Add(std::move(pending));
  env_->metrics->proposals.Increment();
  env_->metrics->entries_proposed.Increment();
}

absl::Status Peer::ProposalError(const absl::Status& status) const {
  if (absl::IsResourceExhausted(status)) return env_->tenant->Busy();
  if (absl::IsUnavailable(status)) return delegate_->NotLeader(node_->lead_transferee());
  if (node_->role() != raft::Role::kLeader) return delegate_->NotLeader(node_->leader());
  return status;
}

// --- Reads ---------------------------------------------------------------------------------------

void Peer::StartReads() {
  if (!reads_.WantsRound()) return;
  const raft::ReadId id(++env_->next_read_id);
  if (node_->ReadIndex(id).ok()) {
    reads_.BeginRound(id);
  } else {
    reads_.FailWaiting(delegate_->NotLeader(node_->leader()));
  }
}

// --- Ready ---------------------------------------------------------------------------------------

void Peer::OnRoleMayHaveChanged() {
  const raft::SoftState now{node_->leader(), node_->role()};
  if (now == soft_state_ && node_->term() == term_) return;
  const auto leads = [](const raft::SoftState& state) { return state.role == raft::Role::kLeader; };
  if (leads(now) != leads(soft_state_)) {
    env_->metrics->leaders.Increment(leads(now) ? 1 : -1);
    LOG_INFO("region {} peer {} {} term {}", region_id_, peer_id_,
             leads(now) ? "leads" : "no longer leads; now in", node_->term());
  }
  if (now.role == raft::Role::kCandidate) env_->metrics->elections_started.Increment();
  soft_state_ = now;
  term_ = node_->term();
  commit_ = {};
  delegate_->OnRoleChange(soft_state_, term_);
}

void Peer::UpdateLease() {
  if (node_->role() != raft::Role::kLeader) {
    lease_.OnNotLeader();
    return;
  }
  lease_.OnLeader(node_->term());
  if (node_->lead_transferee() != PeerId()) lease_.OnTransferBegun();
  lease_.OnRoundBegun(node_->HeartbeatRound(), env_->round.now);
  if (ready_term_ == node_->term() || Planted(Bug::kReadWithoutOwnTerm))
    lease_.OnQuorum(node_->QuorumHeartbeatRound());
}

void Peer::MaybeLeaderReady() {
  const Term term = node_->term();
  if (node_->role() != raft::Role::kLeader || ready_term_ == term || applied_.term != term) return;
  ready_term_ = term;
  delegate_->OnLeaderReady(term);
}

void Peer::HandleReady(raft::Ready ready) {
  env_->metrics->readies.Increment();
  for (raft::Message& message : ready.messages) Send(std::move(message));
  DeferCommit(ready.append, HoldsConfChange(ready.committed) || OutlivesSnapshots(ready.committed));
  HandleAppend(std::move(ready.append));
  if (!ready.committed.empty()) HandleCommitted(std::move(ready.committed));
  for (raft::ReadId id : ready.dropped_reads) {
    reads_.OnDropped(id, delegate_->NotLeader(node_->leader()));
  }
  if (ready.reads.empty()) return;
  for (const raft::ReadState& read : ready.reads) reads_.OnIndex(read.read_id, read.index);
  reads_.Serve(applied_.index, env_->round.now);
}

// A commit index is not worth a sync: a restarted peer learns it again from its leader. It is
// written along with the next entries, term or vote, and must be:
//  1. Of {A}, A leads and adds B: the change is committed and applied, but not flushed. A adds C.
//  2. A is killed. B and C, two of {A, B, C}, elect B.
//  3. A restarts with the configuration {A}, which is what its data know. Only a commit index that
//     covers the addition of B, durable since the entry that adds C is, keeps it from electing
//     itself: a node does not campaign before it has applied what it knows to be committed.
// A change of members is worth a sync of its own:
//  1. Of {A, B}, A leads and removes B: that is committed and applied, but not flushed. B is told,
//     destroys itself, and votes no more.
//  2. A is killed, and restarts with the configuration {A, B}. If it has forgotten that the removal
//     is committed, it needs B's vote, for ever.
// So is a command whose effects no snapshot of this group brings, a split:
//  1. A follower applies the split of P, and makes the child C with a log of its own. In C's log it
//     promises things. It is killed before its data are flushed: they know no split and no C.
//  2. It restarts. If it has forgotten that the split is committed, it waits for P's leader, who
//  has
//     cut its log behind the split and sends a snapshot: of P as it is now, without C's range.
//  3. Nothing makes C any more, whose log is there and whose leader counts on it.
// MayReplaceState is the other half of it.
void Peer::DeferCommit(raft::LogAppend& append, bool worth_a_sync) {
  if (Planted(Bug::kMembersNotDurable)) worth_a_sync = false;
  const bool writes = worth_a_sync || !append.entries.empty() || append.snapshot;
  if (append.hard_state) {
    writes_.deferred.reset();
  } else if (writes_.deferred && writes) {
    append.hard_state = std::exchange(writes_.deferred, std::nullopt);
  }
  if (!append.hard_state) return;
  const raft::HardState& state = *append.hard_state;
  const bool promises = state.term != writes_.term || state.vote != writes_.vote;
  if (!promises && !writes) {
    writes_.deferred = std::exchange(append.hard_state, std::nullopt);
    return;
  }
  writes_.term = state.term;
  writes_.vote = state.vote;
}

bool Peer::OutlivesSnapshots(const std::vector<raft::Entry>& entries) const {
  return std::any_of(entries.begin(), entries.end(), [this](const raft::Entry& entry) {
    if (entry.type != raft::EntryType::kNormal || entry.data.size() == 0) return false;
    CommandFrameReader reader(entry.data.view());
    std::string_view command;
    return reader.Next(command) && delegate_->OutlivesSnapshots(command);
  });
}

void Peer::HandleAppend(raft::LogAppend append) {
  if (append.empty()) return;
  if (Planted(Bug::kTermNotDurable)) append.hard_state.reset();
  if (Planted(Bug::kVoteNotDurable) && append.hard_state) append.hard_state->vote = PeerId();
  std::vector<raft::Message> messages = std::move(append.messages);
  append.messages.clear();
  const bool writes = append.snapshot || !append.entries.empty() || append.hard_state;
  if (!writes && writes_.under_way == 0) {
    // What the messages promise is durable already.
    for (raft::Message& message : messages) Send(std::move(message));
    node_->OnPersisted(append.token);
    return;
  }
  PersistedAppend done{.region_id = region_id_,
                       .incarnation = incarnation_,
                       .token = append.token,
                       .snapshot = append.snapshot,
                       .to_self = {}};
  raftlog::LogChange change = log_->Submit(append);
  if (done.snapshot) {
    truncation_.installing = true;
    change.records = delegate_->SnapshotRecords(*done.snapshot);
  }
  if (writes) env_->round.changes.push_back(std::move(change));
  for (raft::Message& message : messages) {
    net::Envelope envelope;
    if (message.to == peer_id_) {
      done.to_self.push_back(std::move(message));
    } else if (Planted(Bug::kAckBeforeSync)) {
      Send(std::move(message));
    } else if (Outgoing(message, envelope)) {
      env_->round.after_durable.push_back(std::move(envelope));
    }
  }
  ++writes_.under_way;
  env_->round.appends.push_back(std::move(done));
}

void Peer::HandleCommitted(std::vector<raft::Entry> entries) {
  ApplyEntries task{.region_id = region_id_, .entries = std::move(entries), .pending = {}};
  for (const raft::Entry& entry : task.entries) {
    task.bytes += entry.data.size() + sizeof(raft::Entry);
    if (auto pending = proposals_.TakeCommitted({entry.term, entry.index})) {
      env_->metrics->commit_seconds.Observe(env::Seconds(env_->round.now - pending->since));
      pending->since = env_->round.now;
      task.pending.push_back(*std::move(pending));
    }
  }
  ApplyRound& round = ApplyRoundOf();
  round.bytes += task.bytes;
  round.tasks.push_back(std::move(task));
}

bool Peer::Outgoing(raft::Message& message, net::Envelope& envelope) {
  // No commit is told to anybody beyond what is applied here: see the head of peer.h.
  if (auto* append = std::get_if<raft::AppendRequest>(&message.body)) {
    append->commit = std::min(append->commit, applied_.index);
  } else if (auto* heartbeat = std::get_if<raft::Heartbeat>(&message.body)) {
    heartbeat->commit = std::min(heartbeat->commit, applied_.index);
  } else if (auto* request = std::get_if<raft::VoteRequest>(&message.body)) {
    if (request->commit.index > applied_.index) request->commit = applied_;
  } else if (auto* response = std::get_if<raft::VoteResponse>(&message.body)) {
    if (response->commit.index > applied_.index) response->commit = applied_;
  } else if (const auto* read = std::get_if<raft::ReadIndexResponse>(&message.body)) {
    commit_.owed = std::max(commit_.owed, read->index);
  }
  envelope.region_id = region_id_;
  envelope.from_store = env_->config->store_id;
  envelope.message = std::move(message);
  if (delegate_->AddressMessage(envelope)) {
    env_->metrics->messages_sent.Increment();
    return true;
  }
  env_->metrics->messages_dropped.Increment();
  return false;
}

void Peer::Send(raft::Message message) {
  const PeerId to = message.to;
  if (to == peer_id_) {
    node_->Step(std::move(message)).IgnoreError();
    return;
  }
  const bool carries_snapshot = std::holds_alternative<raft::InstallSnapshot>(message.body);
  net::Envelope envelope;
  if (!Outgoing(message, envelope)) {
    if (carries_snapshot) node_->ReportSnapshot(to, false);
    return;
  }
  if (carries_snapshot && delegate_->SendSnapshot(envelope)) return;
  env_->transport->Send(std::move(envelope));
  // An inline snapshot that is lost is found out by the probe that follows it.
  if (carries_snapshot) node_->ReportSnapshot(to, true);
}

// Commits are told as far as they are applied here, with the next append or heartbeat. A follower
// that waits for one, for a read, is told as soon as it is applied.
void Peer::TellOwedCommit() {
  if (commit_.owed <= commit_.told || applied_.index < commit_.owed) return;
  commit_.told = commit_.owed;
  node_->TellCommit();
}

}  // namespace flotilla::multiraft
