// Time comes in by constructor: production code asks a Clock, never the system.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_ENV_CLOCK_H_
#define FLOTILLA_COMMON_ENV_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace flotilla::env {

using Duration = std::chrono::nanoseconds;

// The monotonic time line of one process: leases, timeouts, deadlines. Never goes back.
struct MonotonicTimeline {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicTimeline>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicTimeline::time_point;

// In seconds, for metrics.
inline double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant Now() const = 0;
  // Milliseconds since the Unix epoch by the wall clock, which may jump in either direction: for
  // timestamps and TTL, never for safety.
  virtual int64_t WallMillis() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant Now() const override;
  int64_t WallMillis() const override;
};

// A clock that stands still until it is told to move: for tests and the simulator. Not thread-safe.
class ManualClock final : public Clock {
 public:
  Instant Now() const override { return now_; }
  int64_t WallMillis() const override { return wall_millis_; }
  // Moves both time lines.
  void Advance(Duration by) {
    now_ += by;
    wall_millis_ += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
  }
  void SetWallMillis(int64_t millis) { wall_millis_ = millis; }

 private:
  Instant now_{};
  int64_t wall_millis_ = 1'700'000'000'000;
};

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_CLOCK_H_
