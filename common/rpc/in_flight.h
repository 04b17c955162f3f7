// What a process has of its clients' requests and of the answers to them, in number and bytes,
// against its limits: from the arrival of a request until its answer is with the transport.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_RPC_IN_FLIGHT_H_
#define FLOTILLA_COMMON_RPC_IN_FLIGHT_H_

#include <atomic>
#include <cstddef>

#include "absl/status/status.h"
#include "common/metrics/registry.h"

namespace flotilla::rpc {

struct InFlightLimits {
  size_t requests = 100'000;
  size_t bytes = size_t{256} << 20;
};

class InFlight {
 public:
  // `metrics` must outlive it.
  InFlight(const InFlightLimits& limits, metrics::Registry* metrics);

  // OK: they are in flight until Leave. Otherwise ServerIsBusy. Anything may go alone.
  absl::Status Enter(size_t requests, size_t bytes);
  // Answers, and requests that are being refused, are there all the same and count.
  void Grow(size_t requests, size_t bytes);
  void Leave(size_t requests, size_t bytes);
  // ServerIsBusy while more bytes are in flight than may be: no large answers should be made then.
  absl::Status CheckBytes() const;

  // What one stream may have, so that others find room; it is not read any further then.
  const InFlightLimits& of_a_stream() const { return of_a_stream_; }
  size_t requests() const { return requests_.load(std::memory_order_relaxed); }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  const InFlightLimits limits_;
  const InFlightLimits of_a_stream_;
  const absl::Status busy_;
  metrics::Counter& refused_;
  metrics::Gauge& requests_gauge_;
  metrics::Gauge& bytes_gauge_;
  std::atomic<size_t> requests_{0};
  std::atomic<size_t> bytes_{0};
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_IN_FLIGHT_H_
