// Where a group's log may be cut: a pure decision, taken once in a truncate_interval.
#ifndef FLOTILLA_COMMON_MULTIRAFT_LOG_TRUNCATION_H_
#define FLOTILLA_COMMON_MULTIRAFT_LOG_TRUNCATION_H_

#include <array>
#include <cstdint>

#include "common/base/ids.h"
#include "common/env/clock.h"
#include "common/raft/raw_node.h"
#include "common/raftlog/log_usage.h"

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

// The limits of each group while all logs of the process together hold `usage` of
// `max_total_bytes`.
//  - Beyond half of it every cut is worth its write.
//  - Beyond all of it a log that is larger than the mean is beyond its limit. There is always one
//    such log, and each cut is seen in the usage at once, so that no more logs are cut beneath slow
//    followers than necessary.
TruncationLimits Tighten(TruncationLimits limits, const raftlog::LogUsage& usage,
                         uint64_t max_total_bytes);

// A group's applied positions of the last seconds.
class AppliedHistory {
 public:
  static constexpr env::Duration kInterval = std::chrono::milliseconds(100);
  static constexpr size_t kRecent = 5;
  static constexpr size_t kOld = 20;

  explicit AppliedHistory(Index applied) { samples_.fill(applied); }
  // Takes a sample if kInterval has gone by since the last one.
  void MaybeSample(Index applied, env::Instant now);
  // What was applied kRecent, or kOld, intervals ago; or one more.
  Index Recent() const { return samples_[kRecent]; }
  Index Old() const { return samples_[kOld]; }

 private:
  env::Instant next_{};
  std::array<Index, kOld + 1> samples_;  // Newest first.
};

struct TruncationView {
  Index truncated;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  Index applied;
  // What the data engine has flushed: the log below it is never needed for replay.
  Index flushed;
  // What was applied some time ago.
  Index applied_before;
};

// The position to cut at; `view.truncated` when there is nothing to cut.
//  - Never above flushed.
//  - A leader keeps what its followers have not got yet, as far as the limits go.
//  - A follower, which does not know about the others, keeps what was applied a short time ago:
//    should it lead next, those who kept up with the leader need no snapshot.
Index TruncationPoint(const TruncationView& view, const raft::NodeStatus& status,
                      const TruncationLimits& limits);

// True when the log could be cut if the data engine flushed, and is half way to a limit.
bool WantsFlush(const TruncationView& view, const TruncationLimits& limits);

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_LOG_TRUNCATION_H_
