// The memory of a store, and who may take how much of it: docs/overload.md has the table.
#ifndef FLOTILLA_STORE_MEMORY_BUDGET_H_
#define FLOTILLA_STORE_MEMORY_BUDGET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/metrics/registry.h"
#include "store/store_config.h"

namespace flotilla::store {

// A part of the budget: the option that sets it, and what it may take, which is a multiple of the
// option where several of the kind exist.
struct MemoryShare {
  std::string option;
  uint64_t bytes = 0;
};

// What the budget is shared among. REQUIRES: FitMemory.
std::vector<MemoryShare> MemorySharesOf(const StoreConfig& config);

// Fills in what is left to the budget (0), the budget itself included, which is a quarter of
// `limit_bytes` then. InvalidArgument, naming every share, when they do not fit.
absl::Status FitMemory(StoreConfig& config, uint64_t limit_bytes);

// flotilla_memory_budget_bytes{share}.
void ReportShares(const StoreConfig& config, metrics::Registry& metrics);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_MEMORY_BUDGET_H_
