// How long to wait before a retry, and when to give up.
//
// Each cause of a retry has its own curve: exponential from `base` to `cap`, half of it fixed and
// half drawn, so that clients which failed together do not come back together. One RetryBudget
// serves one operation: it bounds the sum of its waits and the time that it may take.
#ifndef FLOTILLA_CLIENT_BACKOFF_H_
#define FLOTILLA_CLIENT_BACKOFF_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/random.h"

namespace flotilla::client {

enum class BackoffKind : uint8_t {
  kNone,                // The reply named what to do: retry at once.
  kRegionMiss,          // The route was stale, or a region is changing.
  kNoLeader,            // An election is under way.
  kServerBusy,          // The store sheds load.
  kStoreUnavailable,    // The connection or the process is gone.
  kNotReady,            // Timestamps or a read index are not there yet, a merge is under way.
  kRegionInitializing,  // The peer waits for its first snapshot.
  kDiskFull,
  kRecovery,  // The store or the region recovers, or the peer is a witness.
  kPd,        // PD did not answer, or has no leader.
  kCount,
};

std::string_view BackoffKindName(BackoffKind kind);

struct BackoffCurve {
  std::chrono::milliseconds base;
  std::chrono::milliseconds cap;
};

BackoffCurve CurveOf(BackoffKind kind);

// Draws the jitter. Thread-safe.
class BackoffJitter {
 public:
  explicit BackoffJitter(env::Random random) : random_(random) {}
  // The `attempt`-th wait (from 0) on the curve.
  env::Duration Draw(const BackoffCurve& curve, int attempt);

 private:
  Mutex mutex_;
  env::Random random_ ABSL_GUARDED_BY(mutex_);
};

// The waits and the deadline of one operation. A value: the parts of a batch copy their parent's.
class RetryBudget {
 public:
  RetryBudget(env::Instant deadline, env::Duration max_total_wait)
      : deadline_(deadline), waits_left_(max_total_wait) {}

  // The wait before the next attempt, or nothing when there may be none: the deadline would pass or
  // the waits are used up. Retries without a wait become kRegionMiss ones when they do not help.
  // `least` is the server's own wish.
  std::optional<env::Duration> Next(BackoffKind kind, BackoffJitter& jitter, env::Instant now,
                                    env::Duration least = env::Duration::zero());

  env::Instant deadline() const { return deadline_; }
  // Retries so far.
  int retries() const { return retries_; }
  // True when Next refused because of the waits and not because of the deadline.
  bool waits_used_up() const { return waits_used_up_; }

 private:
  env::Instant deadline_;
  env::Duration waits_left_;
  int retries_ = 0;
  bool waits_used_up_ = false;
  std::array<uint8_t, static_cast<size_t>(BackoffKind::kCount)> attempts_{};
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_BACKOFF_H_
