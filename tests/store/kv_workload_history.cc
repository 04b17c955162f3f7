#include "tests/store/kv_workload_history.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/log.h"

namespace flotilla::store {

uint64_t KvWorkloadHistory::BeginSwap(const std::string& key) {
  Counter& counter = counters_[key];
  ++counter.under_way;
  return counter.value;
}

void KvWorkloadHistory::Advance(const std::string& key, Counter& counter, uint64_t expected) {
  ++writes_;
  if (counter.value != expected) return;  // A late answer: the writer went on meanwhile.
  if (counter.floor > expected + 1) {
    violations_->Add(fmt::format("{} is {} after {} was read", key, expected + 1, counter.floor));
  }
  counter.value = expected + 1;
  counter.floor = std::max(counter.floor, counter.value);
  counter.under_way = 0;
}

void KvWorkloadHistory::EndSwap(const std::string& key, uint64_t expected, WriteOutcome outcome) {
  Counter& counter = counters_[key];
  if (outcome == WriteOutcome::kDone) return Advance(key, counter, expected);
  if (outcome == WriteOutcome::kRefused && counter.value == expected && counter.under_way > 0) {
    --counter.under_way;
    if (counter.floor > counter.most()) {
      violations_->Add(
          fmt::format("{} was read as {}, all attempts at which were refused", key, counter.floor));
    }
  }
}

void KvWorkloadHistory::EndSwapFinding(const std::string& key, uint64_t expected, uint64_t found) {
  Counter& counter = counters_[key];
  if (counter.value > expected) {
    // An answer that comes late. When it was applied the value was at least what it expected.
    if (found < expected)
      violations_->Add(fmt::format("{} was {} and is {}", key, expected, found));
    return;
  }
  // Only an earlier attempt at the same can have changed it.
  --counter.under_way;
  if (found != expected + 1 || counter.under_way == 0) {
    violations_->Add(
        fmt::format("{} is {} where {} was expected by its only writer", key, found, expected));
  }
  Advance(key, counter, expected);
}

uint64_t KvWorkloadHistory::BeginRead(const std::string& key) const {
  const auto it = counters_.find(key);
  return it == counters_.end() ? 0 : it->second.floor;
}

void KvWorkloadHistory::EndRead(const std::string& key, uint64_t floor, uint64_t found) {
  ++reads_;
  Counter& counter = counters_[key];
  if (found < floor) {
    violations_->Add(fmt::format("{} is read as {} and was {}", key, found, floor));
  }
  if (found > counter.most()) {
    violations_->Add(
        fmt::format("{} is read as {}, of {} that may be", key, found, counter.most()));
  }
  counter.floor = std::max(counter.floor, found);
}

void KvWorkloadHistory::EndMark(const std::string& key, WriteOutcome outcome) {
  if (outcome == WriteOutcome::kUnknown) return;
  if (outcome == WriteOutcome::kDone) ++writes_;
  marks_[key] = outcome == WriteOutcome::kDone ? Mark::kAcknowledged : Mark::kRefused;
  if (outcome == WriteOutcome::kRefused && seen_.contains(key)) {
    violations_->Add(fmt::format("{} was read and is refused", key));
  }
}

void KvWorkloadHistory::EndMarkRead(const std::string& key, Mark then, bool found) {
  ++reads_;
  if (found) seen_.insert(key);
  if (then == Mark::kAcknowledged && !found) {
    violations_->Add(fmt::format("{} was written, acknowledged and is not there", key));
  }
  if (MarkOf(key) == Mark::kRefused && found) {
    violations_->Add(fmt::format("{} was refused and is there", key));
  }
}

}  // namespace flotilla::store
