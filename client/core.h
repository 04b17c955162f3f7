// What all operations of one client share: the route caches, the clock, the executor, the limits,
// and the count of what is in flight.
#ifndef FLOTILLA_CLIENT_CORE_H_
#define FLOTILLA_CLIENT_CORE_H_

#include <atomic>
#include <cstdint>

#include "client/backoff.h"
#include "client/client_metrics.h"
#include "client/executor.h"
#include "client/locator.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "flotilla/client/options.h"

namespace flotilla::client {

// Thread-safe.
class Core {
 public:
  struct Parts {
    const env::Clock* clock;
    Executor* executor;
    Locator* locator;
    BackoffJitter* jitter;
    ClientMetrics* metrics;
    uint64_t cluster_id;
  };

  Core(Parts parts, ClientOptions options) : parts_(parts), options_(std::move(options)) {}

  const env::Clock& clock() const { return *parts_.clock; }
  Executor& executor() { return *parts_.executor; }
  Locator& locator() { return *parts_.locator; }
  const KeyCodec& codec() const { return parts_.locator->codec(); }
  BackoffJitter& jitter() { return *parts_.jitter; }
  ClientMetrics& metrics() { return *parts_.metrics; }
  const ClientOptions& options() const { return options_; }
  uint64_t cluster_id() const { return parts_.cluster_id; }

  // Counts an operation in. ResourceExhausted when options.max_in_flight are under way, Cancelled
  // when the client is closing. EndOperation must follow success.
  absl::Status BeginOperation();
  void EndOperation();
  uint64_t in_flight() const { return in_flight_.load(); }

  bool closing() const { return closing_.load(std::memory_order_relaxed); }
  // From now on new operations are refused, and those under way are not tried again.
  void StartClosing() { closing_.store(true); }
  // Also ends the waits of those under way, and returns when none is left.
  // REQUIRES: not called from a callback.
  void Close();

 private:
  const Parts parts_;
  const ClientOptions options_;
  std::atomic<bool> closing_{false};
  std::atomic<uint64_t> in_flight_{0};
  Mutex mutex_;
  CondVar drained_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_CORE_H_
