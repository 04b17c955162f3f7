// How long to wait before the next attempt: doubling from `first` to `max`, with equal jitter (half
// of it fixed, half drawn), so that many who failed together do not return together.
//
// Not thread-safe.
#ifndef FLOTILLA_COMMON_RPC_BACKOFF_H_
#define FLOTILLA_COMMON_RPC_BACKOFF_H_

#include <cstdint>

#include "common/env/clock.h"
#include "common/env/random.h"

namespace flotilla::rpc {

struct BackoffOptions {
  env::Duration first = std::chrono::milliseconds(50);
  env::Duration max = std::chrono::seconds(1);
};

class Backoff {
 public:
  Backoff(const BackoffOptions& options, env::Random random);

  // The next delay: between half and all of first * 2^attempts, at most max.
  env::Duration Next();
  void Reset() { attempts_ = 0; }
  uint32_t attempts() const { return attempts_; }

 private:
  const BackoffOptions options_;
  env::Random random_;
  uint32_t attempts_ = 0;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_BACKOFF_H_
