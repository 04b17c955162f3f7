#include "common/env/clock.h"

namespace flotilla::env {

Instant SystemClock::Now() const {
  return Instant(std::chrono::steady_clock::now().time_since_epoch());
}

int64_t SystemClock::WallMillis() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace flotilla::env
