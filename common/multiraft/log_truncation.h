// Where a group's log may be cut: a pure decision, taken once in a truncate_interval.
#ifndef FLOTILLA_COMMON_MULTIRAFT_LOG_TRUNCATION_H_
#define FLOTILLA_COMMON_MULTIRAFT_LOG_TRUNCATION_H_

#include <cstdint>

#include "common/base/ids.h"
#include "common/raft/raw_node.h"

namespace flotilla::multiraft {

struct TruncationLimits {
  // A log beyond one of these is cut beneath followers that are slow.
  uint64_t max_entries = 0;
  uint64_t max_bytes = 0;
  // What is kept for followers that are not heard of is less by this factor.
  uint64_t dead_follower_divisor = 4;
  // A cut that frees fewer entries is not worth a write, unless the log is beyond a limit.
  uint64_t min_entries = 128;
};

struct TruncationView {
  Index truncated;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  Index applied;
  // What the data engine has flushed: the log below it is never needed for replay.
  Index flushed;
  // `applied` at the last check.
  Index applied_before;
};

// The position to cut at; `view.truncated` when there is nothing to cut.
//  - Never above flushed.
//  - A leader keeps what its followers have not got yet, as far as the limits go.
//  - A follower, which does not know about the others, keeps what was applied since its last check:
//    should it lead next, those who kept up with the leader need no snapshot.
Index TruncationPoint(const TruncationView& view, const raft::NodeStatus& status,
                      const TruncationLimits& limits);

// True when the log could be cut if the data engine flushed, and is half way to a limit.
bool WantsFlush(const TruncationView& view, const TruncationLimits& limits);

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_LOG_TRUNCATION_H_
