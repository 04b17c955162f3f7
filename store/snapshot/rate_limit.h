// Bytes a second, as a bucket that fills with time. Not thread-safe.
#ifndef FLOTILLA_STORE_SNAPSHOT_RATE_LIMIT_H_
#define FLOTILLA_STORE_SNAPSHOT_RATE_LIMIT_H_

#include <cstdint>

#include "common/env/clock.h"

namespace flotilla::store {

class RateLimit {
 public:
  // 0: no limit.
  explicit RateLimit(uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  // When the next byte may pass: what passed before has been paid for by then.
  env::Instant next() const { return next_; }
  bool MayPass(env::Instant now) const { return now >= next_; }
  // `bytes` passed. What time went by unused is not saved up.
  void OnPassed(uint64_t bytes, env::Instant now) {
    if (bytes_per_second_ == 0) return;
    const env::Instant start = next_ > now ? next_ : now;
    const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second_);
    next_ =
        start + std::chrono::duration_cast<env::Duration>(std::chrono::duration<double>(seconds));
  }

 private:
  const uint64_t bytes_per_second_;
  env::Instant next_{};
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_RATE_LIMIT_H_
