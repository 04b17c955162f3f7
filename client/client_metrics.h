// The client's metrics, declared once. Code increments; whoever owns the registry exports.
#ifndef FLOTILLA_CLIENT_CLIENT_METRICS_H_
#define FLOTILLA_CLIENT_CLIENT_METRICS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "client/backoff.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"

namespace flotilla::client {

// The caller's operations.
enum class Operation : uint8_t {
  kGet,
  kPut,
  kDelete,
  kBatchGet,
  kBatchPut,
  kBatchDelete,
  kScan,
  kDeleteRange,
  kCompareAndSwap,
  kGetTtl,
  kChecksum,
  kSplit,
  kCount,
};

std::string_view OperationName(Operation operation);

// Thread-safe.
class ClientMetrics {
 public:
  explicit ClientMetrics(metrics::Registry* registry);

  void OnOperation(Operation operation, const absl::Status& status, env::Duration latency);
  // `arm`: of errorpb.Error, or "rpc". REQUIRES: a string literal.
  void OnRefusal(const char* arm);
  void OnBackoff(BackoffKind kind, env::Duration wait);

  metrics::Counter& region_loads;
  metrics::Counter& store_loads;
  metrics::Counter& requests;
  metrics::Counter& resent_writes;
  metrics::Counter& rejected_in_flight;
  metrics::Gauge& in_flight;

 private:
  struct PerOperation {
    metrics::Counter* ok;
    metrics::Counter* failed;
    metrics::Counter* undetermined;
    metrics::Histogram* latency;
  };
  metrics::Registry* const registry_;
  std::array<PerOperation, static_cast<size_t>(Operation::kCount)> operations_;
  std::array<metrics::Counter*, static_cast<size_t>(BackoffKind::kCount)> backoff_seconds_;
  Mutex mutex_;
  std::map<std::string_view, metrics::Counter*> refusals_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_CLIENT_METRICS_H_
