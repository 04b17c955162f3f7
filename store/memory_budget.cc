#include "store/memory_budget.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/units.h"
#include "common/config/value.h"

namespace flotilla::store {
namespace {

// Of a machine on which several processes run.
constexpr uint64_t kPartOfMachine = 4;
constexpr uint64_t kLeastBudget = 256 * kMiB;
// Where the limit cannot be read.
constexpr uint64_t kUnknownLimit = 4 * kGiB;
// Of the budget, for everything that has no share: code, stacks, tables' readers, the allocator.
constexpr uint64_t kRestPercent = 10;

// Memtables of one engine that exist at once: one being written, the others on their way to disk.
constexpr uint64_t kMemtables = 3;

uint64_t PercentOf(uint64_t bytes, uint64_t percent) { return bytes / 100 * percent; }

// `percent` of the budget, within limits, in whole MiB.
void FillIn(uint64_t& option, uint64_t budget, uint64_t percent, uint64_t least, uint64_t most) {
  if (option != 0) return;
  option = std::clamp(PercentOf(budget, percent) / kMiB * kMiB, least, most);
}

// For people: in whole MiB where it is some.
std::string Size(uint64_t bytes) {
  const uint64_t shown = bytes < kMiB ? bytes : (bytes + kMiB - 1) / kMiB * kMiB;
  return config::FormatSize(static_cast<int64_t>(shown));
}

}  // namespace

std::vector<MemoryShare> MemorySharesOf(const StoreConfig& config) {
  return {{"storage.block-cache", config.storage.block_cache_bytes},
          {"storage.memtable", kMemtables * config.storage.memtable_bytes},
          {"storage.log-memtable", kMemtables * config.storage.log_memtable_bytes},
          {"raft.entry-cache", config.raft.entry_cache_bytes},
          {"raft.max-queues", config.raft.max_queue_bytes},
          {"admission.max-bytes", config.admission.max_bytes},
          {"server.max-transport", config.transport.max_bytes}};
}

absl::Status FitMemory(StoreConfig& config, uint64_t limit_bytes) {
  uint64_t& budget = config.memory.budget_bytes;
  if (budget == 0) {
    const uint64_t limit = limit_bytes == 0 ? kUnknownLimit : limit_bytes;
    budget = std::max(limit / kPartOfMachine / kMiB * kMiB, kLeastBudget);
  }
  FillIn(config.storage.memtable_bytes, budget, 3, 4 * kMiB, 64 * kMiB);
  if (config.storage.log_memtable_bytes == 0) {
    config.storage.log_memtable_bytes = config.storage.memtable_bytes / 4 * 3;
  }
  FillIn(config.storage.block_cache_bytes, budget, 35, kMiB, 1024 * kGiB);
  FillIn(config.raft.entry_cache_bytes, budget, 8, kMiB, 256 * kMiB);
  FillIn(config.raft.max_queue_bytes, budget, 10, 8 * kMiB, 1 * kGiB);
  FillIn(config.admission.max_bytes, budget, 8, 8 * kMiB, 1 * kGiB);
  FillIn(config.transport.max_bytes, budget, 10, 16 * kMiB, 1 * kGiB);

  uint64_t sum = PercentOf(budget, kRestPercent);
  std::string parts;
  for (const MemoryShare& share : MemorySharesOf(config)) {
    sum += share.bytes;
    absl::StrAppend(&parts, share.option, " takes ", Size(share.bytes), ", ");
  }
  if (sum <= budget) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("memory.budget (", Size(budget), ") is too small: ", parts, "and ", kRestPercent,
                   " % of it are for the rest, together ", Size(sum),
                   "; raise it, or lower some of them (0 leaves one to the budget)"));
}

void ReportShares(const StoreConfig& config, metrics::Registry& metrics) {
  const auto report = [&metrics](const std::string& share, uint64_t bytes) {
    metrics
        .AddGauge("flotilla_memory_budget_bytes", "What each part of the process may take",
                  {{"share", share}})
        .Set(static_cast<double>(bytes));
  };
  report("all", config.memory.budget_bytes);
  for (const MemoryShare& share : MemorySharesOf(config)) report(share.option, share.bytes);
}

}  // namespace flotilla::store
