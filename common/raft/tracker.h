// A leader's progress of every member, itself included, and what quorums of them have reached.
#ifndef FLOTILLA_COMMON_RAFT_TRACKER_H_
#define FLOTILLA_COMMON_RAFT_TRACKER_H_

#include <cstdint>
#include <map>
#include <vector>

#include "common/raft/membership.h"
#include "common/raft/progress.h"
#include "common/raft/types.h"

namespace flotilla::raft {

class Tracker {
 public:
  using ProgressMap = std::map<PeerId, Progress>;  // Ordered: messages leave in order of ids.

  // A new leader's view: nothing is known of others; its own log is matched and replicating.
  Tracker(const Config& config, const ConfState& conf, Index last_index);

  // Takes over a changed configuration: keeps the progress of those who stay.
  void ChangeTo(const MembershipChange& change, Index last_index);

  Progress* Find(PeerId peer);
  const Progress* Find(PeerId peer) const;
  Progress* Self() { return Find(self_); }
  ProgressMap& all() { return progress_; }
  const ProgressMap& all() const { return progress_; }

  // The largest index that a quorum has acknowledged.
  Index QuorumMatch(const ConfState& conf) const;
  // The newest round of heartbeats that a quorum has answered, the leader having answered `own`.
  uint64_t QuorumRound(const ConfState& conf, uint64_t own) const;
  // Has a quorum been heard of since the last MarkInactive?
  bool QuorumActive(const ConfState& conf) const;
  // Everybody but the leader itself must be heard of again.
  void MarkInactive();

 private:
  Inflights Window() const { return {max_inflight_messages_, max_inflight_bytes_}; }

  PeerId self_;
  uint32_t max_inflight_messages_;
  uint64_t max_inflight_bytes_;
  ProgressMap progress_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_TRACKER_H_
