// Replication (thesis 3.5), commitment (3.6.2), heartbeats and snapshots (5).
#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/planted_bugs.h"
#include "common/raft/raft.h"

namespace flotilla::raft {

// --- The leader sends ---------------------------------------------------------------------------

void Raft::AppendOwn(std::vector<Entry> entries) {
  Index next = log_.last_index() + 1;
  for (Entry& entry : entries) {
    entry.term = term_;
    entry.index = next;
    ++next;
  }
  const Index last = log_.Append(std::move(entries));
  // The leader counts towards the quorum like anybody else: once its own write is durable
  // (thesis 10.2.1).
  SendAfterPersist(term_, id(), AppendResponse{last});
}

void Raft::BroadcastAppend() {
  for (auto& [peer, progress] : AsLeader().tracker.all()) {
    if (peer != id()) MaybeSendAppend(peer, /*even_empty=*/true);
  }
}

bool Raft::MaybeSendAppend(PeerId to, bool even_empty) {
  Progress* progress = AsLeader().tracker.Find(to);
  CHECK(progress != nullptr) << "append to " << to << ", who is no member";
  if (progress->Paused()) return false;

  const Index prev = progress->next() - 1;
  const std::optional<Term> prev_term = log_.TermAt(prev);
  if (!prev_term.has_value()) return MaybeSendSnapshot(to, *progress);

  // Into a full window only an empty append may go: should all that is in it have been lost, its
  // answer is what clears the window.
  std::optional<std::vector<Entry>> entries = std::vector<Entry>();
  const bool full = progress->state() == ProgressState::kReplicate && progress->inflights().Full();
  if (!full && log_.MayReadForFollower(progress->next())) {
    entries = log_.EntriesFrom(progress->next(), config_.max_append_bytes);
  }
  if (!entries.has_value()) {
    return even_empty && MaybeSendSnapshot(to, *progress);
  }
  if (entries->empty() && !even_empty) return false;

  const uint64_t count = entries->size();
  const uint64_t bytes = PayloadBytes(*entries);
  Send(to,
       AppendRequest{
           .prev = {*prev_term, prev}, .commit = log_.committed(), .entries = *std::move(entries)});
  progress->SentEntries(count, bytes);
  progress->SentCommit(log_.committed());
  return true;
}

bool Raft::MaybeSendSnapshot(PeerId to, Progress& progress) {
  // A snapshot to somebody who is gone would only cost: wait until it is heard of.
  if (!progress.recently_active()) return false;
  absl::StatusOr<Snapshot> snapshot = log_.SnapshotFor(to);
  if (!snapshot.ok()) {
    CHECK(absl::IsUnavailable(snapshot.status()))
        << "snapshot for " << to << ": " << snapshot.status();
    return false;
  }
  progress.BecomeSnapshot(snapshot->meta.index);
  Send(to, InstallSnapshot{*std::move(snapshot)});
  return true;
}

void Raft::BroadcastHeartbeat() {
  LeaderRole& leader = AsLeader();
  ++leader.heartbeat_round;
  for (auto& [peer, progress] : leader.tracker.all()) {
    if (peer == id()) continue;
    // Never more than the peer is known to hold: beyond its match its log may differ from ours.
    const Index known = Planted(Bug::kHeartbeatCommit) ? log_.last_index() : progress.match();
    const Index commit = std::min(known, log_.committed());
    Send(peer, Heartbeat{.commit = commit, .round = leader.heartbeat_round});
    progress.SentCommit(commit);
  }
  ReleaseProvenReads();  // At once when this node is a quorum by itself.
}

bool Raft::MaybeCommit() {
  const Index index = AsLeader().tracker.QuorumMatch(conf_);
  // Thesis 3.6.2, figure 3.7: an entry of an earlier term may be on a quorum and yet be replaced;
  // only one of our own term commits by being counted.
  if (index <= log_.committed()) return false;
  if (log_.TermAt(index) != term_ && !Planted(Bug::kCommitOlderTerm)) return false;
  log_.CommitTo(index);
  return true;
}

// --- The follower answers -----------------------------------------------------------------------

void Raft::OnAppendRequest(PeerId from, AppendRequest request) {
  if (request.prev.index < log_.committed()) {
    // An old message: everything committed is equal to the leader's log by now.
    SendAfterPersist(term_, from, AppendResponse{log_.committed()});
    return;
  }
  const EntryId prev = request.prev;
  std::optional<Index> matched = log_.MaybeAppend(prev, std::move(request.entries), request.commit);
  if (matched.has_value()) {
    SendAfterPersist(term_, from, AppendResponse{*matched});
    return;
  }
  // Terms never fall along a log. The leader's is prev.term at prev.index, so it cannot agree with
  // ours where our term is larger: one answer skips all of that tail.
  const EntryId hint = log_.FindConflict(std::min(prev.index, log_.last_index()), prev.term);
  SendAfterPersist(term_, from, AppendRejection{.rejected_index = prev.index, .hint = hint});
}

void Raft::OnHeartbeat(PeerId from, const Heartbeat& heartbeat) {
  log_.CommitTo(heartbeat.commit);
  Send(from, HeartbeatResponse{.round = heartbeat.round});
}

void Raft::OnInstallSnapshot(PeerId from, const InstallSnapshot& install) {
  const bool restored = Restore(install.snapshot);
  SendAfterPersist(term_, from, AppendResponse{restored ? log_.last_index() : log_.committed()});
}

bool Raft::Restore(const Snapshot& snapshot) {
  const SnapshotMeta& meta = snapshot.meta;
  if (meta.index <= log_.committed() && !Planted(Bug::kStaleSnapshot)) return false;
  // A snapshot of a group that we are not in is not for us.
  if (!IsMember(meta.conf_state, id())) return false;
  if (log_.Matches({meta.term, meta.index})) {
    // We hold all of it already: it only tells us that it is committed.
    log_.CommitTo(meta.index);
    return false;
  }
  log_.Restore(snapshot);
  if (!Planted(Bug::kSnapshotWithoutConf)) conf_ = meta.conf_state;
  conf_restored_at_ = meta.index;
  return true;
}

// --- The leader hears ---------------------------------------------------------------------------

void Raft::OnAppendResponse(PeerId from, const AppendResponse& response) {
  if (!std::holds_alternative<LeaderRole>(role_)) return;
  // Nobody holds more of this term's log than its leader: this was never sent by a peer of ours.
  if (response.index > log_.last_index()) return;
  Progress* progress = AsLeader().tracker.Find(from);
  if (progress == nullptr) return;
  progress->set_recently_active(true);

  const bool probed =
      progress->match() == response.index && progress->state() == ProgressState::kProbe;
  if (!progress->AdvanceMatch(response.index) && !probed) return;
  switch (progress->state()) {
    case ProgressState::kProbe:
      progress->BecomeReplicate();
      break;
    case ProgressState::kSnapshot:
      // Whatever brought it so far, our log goes on from there: no need to wait for the snapshot.
      if (progress->match() + 1 >= log_.first_index()) {
        progress->BecomeProbe();
        progress->BecomeReplicate();
      }
      break;
    case ProgressState::kReplicate:
      progress->FreeInflights(response.index);
      break;
  }
  const bool tells = config_.tell_commits_at_once;
  if (MaybeCommit()) {
    ReleasePostponedReads();
    if (tells) BroadcastAppend();
  } else if (tells && from != id() && progress->CanBumpCommit(log_.committed())) {
    // It may not know of the newest commit: telling it now is sooner than the next heartbeat.
    MaybeSendAppend(from, /*even_empty=*/true);
  }
  if (from == id()) return;
  // The window has opened: fill it.
  while (MaybeSendAppend(from, /*even_empty=*/false)) {
  }
  if (from == AsLeader().transferee && progress->match() == log_.last_index()) {
    SendTimeoutNow(from);
  }
}

void Raft::OnAppendRejection(PeerId from, const AppendRejection& rejection) {
  if (!std::holds_alternative<LeaderRole>(role_)) return;
  Progress* progress = AsLeader().tracker.Find(from);
  if (progress == nullptr) return;
  progress->set_recently_active(true);

  // Where our term is larger than the hint's the logs cannot agree either (see OnAppendRequest), so
  // that at most one probe a term is needed.
  Index hint = rejection.hint.index;
  if (rejection.hint.term > Term(0)) hint = log_.FindConflict(hint, rejection.hint.term).index;
  if (!progress->StepBack(rejection.rejected_index, hint)) return;
  if (progress->state() == ProgressState::kReplicate) progress->BecomeProbe();
  MaybeSendAppend(from, /*even_empty=*/true);
}

void Raft::OnHeartbeatResponse(PeerId from, const HeartbeatResponse& response) {
  if (!std::holds_alternative<LeaderRole>(role_)) return;
  // A round that was not broadcast yet proves nothing, and would go on proving what comes.
  if (response.round > AsLeader().heartbeat_round) return;
  Progress* progress = AsLeader().tracker.Find(from);
  if (progress == nullptr) return;
  progress->set_recently_active(true);
  progress->ResumeAppends();
  progress->AnsweredRound(response.round);
  // It lives but is behind: what was sent to it may be lost. A peer that is only being probed needs
  // an append, if an empty one, to go on replicating.
  if (progress->match() < log_.last_index() || progress->state() == ProgressState::kProbe) {
    MaybeSendAppend(from, /*even_empty=*/true);
  }
  ReleaseProvenReads();
}

void Raft::TellCommit() {
  if (std::holds_alternative<LeaderRole>(role_)) BroadcastAppend();
}

void Raft::SendPostponed() {
  if (!std::holds_alternative<LeaderRole>(role_)) return;
  for (auto& [peer, progress] : AsLeader().tracker.all()) {
    if (peer == id()) continue;
    while (MaybeSendAppend(peer, /*even_empty=*/false)) {
    }
  }
}

void Raft::ReportUnreachable(PeerId peer) {
  if (!std::holds_alternative<LeaderRole>(role_)) return;
  Progress* progress = AsLeader().tracker.Find(peer);
  // What was sent ahead is probably lost: find out where its log ends.
  if (progress != nullptr && progress->state() == ProgressState::kReplicate) {
    progress->BecomeProbe();
  }
}

void Raft::ReportSnapshot(PeerId peer, bool succeeded) {
  if (!std::holds_alternative<LeaderRole>(role_)) return;
  Progress* progress = AsLeader().tracker.Find(peer);
  if (progress == nullptr || progress->state() != ProgressState::kSnapshot) return;
  if (!succeeded) progress->ForgetPendingSnapshot();
  progress->BecomeProbe();
  // Arrived: its own answer is on the way. Failed: not again before the next heartbeat.
  progress->PauseAppends();
}

}  // namespace flotilla::raft
