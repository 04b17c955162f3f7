// How slow the disk under a log is, as one figure that PD and clients understand: 1 is well, 100 as
// slow as can be (pdpb.StoreStats.slow_score, kvrpcpb.HealthFeedback.slow_score).
//
// Each second counts. If writes took longer than kSlow, or one that is under way does, the score
// grows by their part of all writes; a tenth of them doubles it. A second without one lowers it,
// from the worst to the best in kRecovery.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_RAFTLOG_SLOW_SCORE_H_
#define FLOTILLA_COMMON_RAFTLOG_SLOW_SCORE_H_

#include <cstdint>
#include <optional>

#include "common/base/mutex.h"
#include "common/env/clock.h"

namespace flotilla::raftlog {

class SlowScore {
 public:
  static constexpr env::Duration kSlow = std::chrono::milliseconds(500);
  static constexpr env::Duration kRecovery = std::chrono::minutes(5);
  static constexpr double kBest = 1;
  static constexpr double kWorst = 100;

  explicit SlowScore(env::Instant now) : second_end_(now + kSecond) {}

  // Around each write; one at a time.
  void OnBegin(env::Instant now);
  void OnEnd(env::Instant now);
  double At(env::Instant now);

 private:
  static constexpr env::Duration kSecond = std::chrono::seconds(1);

  void CloseSeconds(env::Instant now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  double score_ ABSL_GUARDED_BY(mutex_) = kBest;
  std::optional<env::Instant> began_ ABSL_GUARDED_BY(mutex_);
  // Of the second that ends at `second_end_`.
  env::Instant second_end_ ABSL_GUARDED_BY(mutex_);
  uint64_t writes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t slow_writes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_SLOW_SCORE_H_
