// How many bytes of writes a store has under way at once: as many as keep it busy, and no more, for
// what is beyond only waits.
//
// When even the shortest write of an interval took longer than the delay that is wanted, then all
// of them stood in a queue: the limit shrinks by a quarter. When none stood, and writes were
// refused, it grows by an eighth. So under any load the writes that are let in take about the
// wanted delay, whatever a write costs and wherever it waits; the others are refused at once, which
// costs little. The limit never falls below what one sync of the log should cover: a slow disk is
// slow with few writes, too.
//
// What has less time left than the fastest write needed a moment ago is refused as well: it would
// be done in vain, and all that came with it would be late in its turn.
//
// Thread-safe.
#ifndef FLOTILLA_STORE_KV_WRITE_LIMITER_H_
#define FLOTILLA_STORE_KV_WRITE_LIMITER_H_

#include <atomic>
#include <chrono>
#include <cstdint>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/base/units.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"

namespace flotilla::store {

struct WriteLimits {
  // What a write should take at most while there are too many.
  env::Duration delay = std::chrono::milliseconds(100);
  // Between these the limit moves.
  uint64_t min_bytes = 1 * kMiB;
  uint64_t max_bytes = 64 * kMiB;
};

class WriteLimiter {
 public:
  // What a write takes in memory besides its command, about.
  static constexpr uint64_t kOverheadBytes = 512;
  static constexpr env::Duration kInterval = std::chrono::milliseconds(100);

  // `clock` and `metrics` must outlive the limiter.
  WriteLimiter(const WriteLimits& limits, const env::Clock* clock, metrics::Registry* metrics);

  // OK: the write is under way until Leave. Otherwise ServerIsBusy. A write of any size may go
  // alone.
  absl::Status Enter(uint64_t bytes);
  // What Enter would say now, of a write whose client waits no longer than `allowed`.
  absl::Status Check(uint64_t bytes, env::Duration allowed);
  // `entered`: when, of a write that was applied; what was refused says nothing about delays.
  void Leave(uint64_t bytes) { in_flight_.fetch_sub(bytes, std::memory_order_relaxed); }
  void LeaveApplied(uint64_t bytes, env::Instant entered);

  uint64_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }

 private:
  bool Fits(uint64_t before, uint64_t bytes) const {
    return before == 0 || before + bytes <= limit();
  }
  bool WouldBeLate(env::Duration allowed) const {
    return allowed < fastest_.load(std::memory_order_relaxed) &&
           clock_->Now() < fastest_until_.load(std::memory_order_relaxed);
  }
  absl::Status Refuse();
  void Adjust();

  const WriteLimits limits_;
  const env::Clock* const clock_;
  const absl::Status busy_;
  metrics::Counter& refused_;
  metrics::Counter& late_;
  metrics::Gauge& in_flight_gauge_;
  metrics::Gauge& limit_gauge_;

  std::atomic<uint64_t> in_flight_{0};
  std::atomic<uint64_t> limit_;
  // Of the present interval.
  std::atomic<env::Duration> shortest_{env::Duration::max()};
  std::atomic<bool> was_refused_{false};
  std::atomic<env::Instant> interval_end_;
  // What the fastest write of the last interval took, and for how long that says something.
  std::atomic<env::Duration> fastest_{env::Duration::zero()};
  std::atomic<env::Instant> fastest_until_{env::Instant{}};
  Mutex adjusting_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_WRITE_LIMITER_H_
