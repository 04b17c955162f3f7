// What a leader knows of one peer's log, and whether it may send it more.
//
//            first contact, loss, rejection          log compacted beneath it
//        .-------------> kProbe <------------. .----------------> kSnapshot
//        |                 | accepted        | |                     |
//   kReplicate <-----------'                 '-+---------------------'
//                                          installed, arrived or failed
//
//  - kProbe: the match point is being searched; one message with entries at a time.
//  - kReplicate: the match point is known; entries are sent ahead of their acknowledgement, as many
//    as the window of inflights takes.
//  - kSnapshot: a snapshot is on its way; nothing is sent meanwhile.
#ifndef FLOTILLA_COMMON_RAFT_PROGRESS_H_
#define FLOTILLA_COMMON_RAFT_PROGRESS_H_

#include <cstdint>

#include "common/raft/inflights.h"
#include "common/raft/raw_node.h"

namespace flotilla::raft {

class Progress {
 public:
  // REQUIRES: match < next.
  Progress(Index match, Index next, Inflights window);

  // Invariant: match < next. Entries in (match, next) are on the way while kReplicate.
  Index match() const { return match_; }
  Index next() const { return next_; }
  ProgressState state() const { return state_; }
  Index pending_snapshot() const { return pending_snapshot_; }
  const Inflights& inflights() const { return inflights_; }

  // Heard of since the last check of the quorum.
  bool recently_active() const { return recently_active_; }
  void set_recently_active(bool active) { recently_active_ = active; }

  // The newest round of heartbeats that the peer has answered.
  uint64_t answered_round() const { return answered_round_; }
  void AnsweredRound(uint64_t round);

  // No append may be sent, not even an empty one.
  bool Paused() const { return state_ == ProgressState::kSnapshot || append_paused_; }
  // A heartbeat was answered: one more append may go out, in case that all before it were lost.
  void ResumeAppends() { append_paused_ = false; }
  // Until the next answer to a heartbeat.
  void PauseAppends() { append_paused_ = true; }

  void BecomeProbe();
  void BecomeReplicate();
  void BecomeSnapshot(Index snapshot);
  // The snapshot under way did not arrive: probe from the match point again.
  void ForgetPendingSnapshot() { pending_snapshot_ = Index(0); }

  // An append with `entries` entries from next() on was sent. REQUIRES: not kSnapshot.
  void SentEntries(uint64_t entries, uint64_t bytes);
  // `commit` was told to the peer.
  void SentCommit(Index commit) { sent_commit_ = commit; }
  // Would telling `commit` move the peer's commit index, as far as we know?
  bool CanBumpCommit(Index commit) const {
    return commit > sent_commit_ && sent_commit_ < next_ - 1;
  }

  // The peer acknowledged `index`. False: nothing new.
  bool AdvanceMatch(Index index);
  void FreeInflights(Index index) { inflights_.FreeUpTo(index); }
  // The peer refused an append after `rejected`; the logs may agree at `hint`. False: the refusal
  // is an old one and changes nothing.
  bool StepBack(Index rejected, Index hint);

 private:
  void EnterState(ProgressState state);

  Index match_;
  Index next_;
  Index sent_commit_;
  Index pending_snapshot_;  // Only in kSnapshot.
  ProgressState state_ = ProgressState::kProbe;
  bool recently_active_ = false;
  bool append_paused_ = false;
  uint64_t answered_round_ = 0;
  Inflights inflights_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_PROGRESS_H_
