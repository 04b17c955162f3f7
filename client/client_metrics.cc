#include "client/client_metrics.h"

#include "common/errors/region_error.h"

namespace flotilla::client {

std::string_view OperationName(Operation operation) {
  switch (operation) {
    case Operation::kGet:
      return "get";
    case Operation::kPut:
      return "put";
    case Operation::kDelete:
      return "delete";
    case Operation::kBatchGet:
      return "batch_get";
    case Operation::kBatchPut:
      return "batch_put";
    case Operation::kBatchDelete:
      return "batch_delete";
    case Operation::kScan:
      return "scan";
    case Operation::kDeleteRange:
      return "delete_range";
    case Operation::kCompareAndSwap:
      return "compare_and_swap";
    case Operation::kGetTtl:
      return "get_ttl";
    case Operation::kChecksum:
      return "checksum";
    case Operation::kSplit:
      return "split";
    case Operation::kCount:
      break;
  }
  return "unknown";
}

ClientMetrics::ClientMetrics(metrics::Registry* registry)
    : region_loads(registry->AddCounter("flotilla_client_region_loads_total",
                                        "Regions that were asked of PD")),
      store_loads(registry->AddCounter("flotilla_client_store_loads_total",
                                       "Store addresses that were asked of PD")),
      requests(registry->AddCounter("flotilla_client_requests_total",
                                    "Requests that were sent to stores, retries included")),
      resent_writes(registry->AddCounter("flotilla_client_resent_writes_total",
                                         "Writes that were sent again although an earlier copy may "
                                         "still arrive, because their caller allows it")),
      rejected_in_flight(registry->AddCounter(
          "flotilla_client_rejected_total", "Operations refused because too many were in flight")),
      in_flight(registry->AddGauge("flotilla_client_operations_in_flight",
                                   "Operations that were begun and not answered")),
      registry_(registry) {
  for (size_t i = 0; i < operations_.size(); ++i) {
    const std::string name(OperationName(static_cast<Operation>(i)));
    const auto counter = [&](const char* result) {
      return &registry->AddCounter("flotilla_client_operations_total", "Operations by result",
                                   {{"operation", name}, {"result", result}});
    };
    operations_[i] = {counter("ok"), counter("failed"), counter("undetermined"),
                      &registry->AddHistogram("flotilla_client_operation_seconds",
                                              "Time from call to answer, retries included",
                                              metrics::LatencyBounds(), {{"operation", name}})};
  }
  for (size_t i = 0; i < backoff_seconds_.size(); ++i) {
    const std::string kind(BackoffKindName(static_cast<BackoffKind>(i)));
    backoff_seconds_[i] = &registry->AddCounter("flotilla_client_backoff_seconds_total",
                                                "Time waited before retries", {{"kind", kind}});
  }
}

void ClientMetrics::OnOperation(Operation operation, const absl::Status& status,
                                env::Duration latency) {
  const PerOperation& metrics = operations_[static_cast<size_t>(operation)];
  if (status.ok()) {
    metrics.ok->Increment();
  } else if (errors::IsUndetermined(status)) {
    metrics.undetermined->Increment();
  } else {
    metrics.failed->Increment();
  }
  metrics.latency->Observe(std::chrono::duration<double>(latency).count());
}

void ClientMetrics::OnRefusal(const char* arm) {
  MutexLock lock(mutex_);
  metrics::Counter*& counter = refusals_[arm];
  if (counter == nullptr) {
    counter = &registry_->AddCounter("flotilla_client_refusals_total",
                                     "Requests that a store refused or that broke, by cause",
                                     {{"cause", arm}});
  }
  counter->Increment();
}

void ClientMetrics::OnBackoff(BackoffKind kind, env::Duration wait) {
  backoff_seconds_[static_cast<size_t>(kind)]->Increment(
      std::chrono::duration<double>(wait).count());
}

}  // namespace flotilla::client
