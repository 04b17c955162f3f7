#include "client/core.h"

#include <spdlog/fmt/fmt.h>

namespace flotilla::client {

absl::Status Core::BeginOperation() {
  const uint64_t before = in_flight_.fetch_add(1);
  // Checked after counting in, so that Close sees every operation that it must wait for.
  if (closing_.load()) {
    EndOperation();
    return absl::CancelledError("the client is closed");
  }
  if (before >= options_.max_in_flight) {
    EndOperation();
    metrics().rejected_in_flight.Increment();
    return absl::ResourceExhaustedError(
        fmt::format("{} operations are in flight, the limit max_in_flight", before));
  }
  return absl::OkStatus();
}

void Core::EndOperation() {
  // While the client is open nobody waits for the count. A closing client may be gone as soon as
  // the last operation was counted out, so the last touch of it is under the lock that Close holds.
  if (!closing_.load()) {
    uint64_t count = in_flight_.load();
    while (count > 1) {
      if (in_flight_.compare_exchange_weak(count, count - 1)) return;
    }
  }
  MutexLock lock(mutex_);
  if (in_flight_.fetch_sub(1) == 1) drained_.NotifyAll();
}

void Core::Close() {
  StartClosing();
  executor().ExpireAll();
  MutexLock lock(mutex_);
  while (in_flight_.load() != 0) {
    // Retries that were posted after ExpireAll wait for a moment at most, not for their deadline.
    drained_.WaitFor(mutex_, std::chrono::milliseconds(20));
    executor().ExpireAll();
  }
}

}  // namespace flotilla::client
