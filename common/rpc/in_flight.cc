#include "common/rpc/in_flight.h"

#include <algorithm>

#include "common/errors/region_error.h"

namespace flotilla::rpc {
namespace {

constexpr uint64_t kBackoffMs = 100;
// Streams that together may fill what there is.
constexpr size_t kShares = 4;
// Requests that a stream may have in any case: the client's batches should not be cut up.
constexpr size_t kLeastRequests = 16;

InFlightLimits ShareOf(const InFlightLimits& limits) {
  return {.requests = std::max(limits.requests / kShares, kLeastRequests),
          .bytes = std::max<size_t>(limits.bytes / kShares, 1)};
}

}  // namespace

InFlight::InFlight(const InFlightLimits& limits, metrics::Registry* metrics)
    : limits_(limits),
      of_a_stream_(ShareOf(limits)),
      busy_(errors::ServerIsBusy("too many requests are in flight", kBackoffMs)),
      refused_(metrics->AddCounter("flotilla_rpc_in_flight_refused_total",
                                   "Requests refused because too many were in flight")),
      requests_gauge_(metrics->AddGauge("flotilla_rpc_in_flight_requests",
                                        "Requests that are in flight, or their answers")),
      bytes_gauge_(metrics->AddGauge("flotilla_rpc_in_flight_bytes",
                                     "Requests and answers that are in flight, in bytes")) {}

absl::Status InFlight::Enter(size_t requests, size_t bytes) {
  const size_t requests_before = requests_.fetch_add(requests, std::memory_order_relaxed);
  const size_t bytes_before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
  const bool fits = requests_before + requests <= limits_.requests &&
                    (bytes_before == 0 || bytes_before + bytes <= limits_.bytes);
  if (fits || requests_before == 0) [[likely]] {
    requests_gauge_.Set(static_cast<double>(requests_before + requests));
    bytes_gauge_.Set(static_cast<double>(bytes_before + bytes));
    return absl::OkStatus();
  }
  Leave(requests, bytes);
  refused_.Increment(static_cast<double>(requests));
  return busy_;
}

void InFlight::Grow(size_t requests, size_t bytes) {
  requests_.fetch_add(requests, std::memory_order_relaxed);
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void InFlight::Leave(size_t requests, size_t bytes) {
  requests_.fetch_sub(requests, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

absl::Status InFlight::CheckBytes() const {
  return bytes() <= limits_.bytes ? absl::OkStatus() : busy_;
}

}  // namespace flotilla::rpc
