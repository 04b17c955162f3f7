// The leader's linearizable reads that wait for proof that it still leads (thesis 6.4): each waits
// for a round of heartbeats, broadcast after the read came, to be answered by a quorum.
#ifndef FLOTILLA_COMMON_RAFT_READ_INDEX_H_
#define FLOTILLA_COMMON_RAFT_READ_INDEX_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "common/raft/types.h"

namespace flotilla::raft {

struct PendingRead {
  PeerId from;  // Who asked.
  ReadId read_id;
  Index index;         // The commit index when the read came.
  uint64_t round = 0;  // The round of heartbeats that proves it.
};

class ReadIndexQueue {
 public:
  // Reads that may wait. Hosts have a few rounds under way at a time; more come only while nothing
  // can be proven, from followers that ask again and again.
  static constexpr size_t kMaxWaiting = 1024;

  bool IsFull() const { return postponed_.size() + waiting_.size() >= kMaxWaiting; }
  // Until the leader has committed an entry of its own term its commit index may be an old one:
  // reads wait here first.
  void Postpone(PeerId from, ReadId read_id) { postponed_.push_back({from, read_id, Index(0), 0}); }
  std::vector<PendingRead> TakePostponed();

  // REQUIRES: rounds do not go back.
  void Add(const PendingRead& read);
  // Takes the reads that a quorum's answer to `round` proves, oldest first.
  std::vector<PendingRead> TakeProven(uint64_t round);

  // The reads that `from` waits for.
  std::vector<ReadId> WaitingOf(PeerId from) const;

 private:
  std::vector<PendingRead> postponed_;
  std::deque<PendingRead> waiting_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_READ_INDEX_H_
