#include "common/rpc/backoff.h"

#include <algorithm>

#include "common/base/check.h"

namespace flotilla::rpc {

Backoff::Backoff(const BackoffOptions& options, env::Random random)
    : options_(options), random_(random) {
  CHECK(options.first.count() > 0 && options.first <= options.max);
}

env::Duration Backoff::Next() {
  int64_t ceiling = options_.first.count();
  for (uint32_t i = 0; i < attempts_ && ceiling < options_.max.count(); ++i) ceiling *= 2;
  ceiling = std::min<int64_t>(ceiling, options_.max.count());
  ++attempts_;
  const int64_t half = ceiling / 2;
  return env::Duration(half + static_cast<int64_t>(random_.Uniform(ceiling - half + 1)));
}

}  // namespace flotilla::rpc
