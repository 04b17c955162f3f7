#include "tests/workload/register_workload.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

namespace flotilla::testing {
namespace {

using Outcome = RegisterHistory::Outcome;
using client::RawClient;

constexpr uint64_t kMostInBatch = 6;
constexpr uint64_t kMostInDeletedRange = 4;

// Reads change nothing, whatever becomes of them.
Outcome ReadOutcome(bool ok, Tally& tally) {
  ++(ok ? tally.done : tally.refused);
  return ok ? Outcome::kDone : Outcome::kNever;
}

}  // namespace

std::string RegisterWorkload::KeyOf(uint64_t number) const {
  return fmt::format("{}r{:03}", on_.prefix, number);
}

std::string RegisterWorkload::AnyKey(const Caller& caller) const {
  return KeyOf(caller.random->Uniform(on_.keys));
}

client::Range RegisterWorkload::AnyRange(const Caller& caller) const {
  const uint64_t first = caller.random->Uniform(on_.keys);
  return {KeyOf(first), KeyOf(caller.random->Between(first + 1, on_.keys))};
}

std::vector<std::string> RegisterWorkload::AnyKeys(const Caller& caller) const {
  std::vector<std::string> keys;
  const uint64_t count = caller.random->Between(1, kMostInBatch);
  for (uint64_t i = 0; i < count; ++i) keys.push_back(AnyKey(caller));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

std::string RegisterWorkload::NewValue() { return fmt::format("v{}", ++values_); }

void RegisterWorkload::Begin(const Caller& caller, OperationDone done) {
  const uint64_t kind = caller.random->Uniform(100);
  if (kind < 25) return Get(caller, std::move(done));
  if (kind < 50) return Put(caller, std::move(done));
  if (kind < 55) return Delete(caller, std::move(done));
  if (kind < 75) return Swap(caller, std::move(done));
  if (kind < 80) return BatchGet(caller, std::move(done));
  if (kind < 88) return BatchPut(caller, std::move(done));
  if (kind < 91) return BatchDelete(caller, std::move(done));
  if (kind < 98) return Scan(caller, AnyRange(caller), std::move(done));
  DeleteRange(caller, std::move(done));
}

void RegisterWorkload::BeginLastReads(const Caller& caller, OperationDone done) {
  Scan(caller, {KeyOf(0), KeyOf(on_.keys)}, std::move(done));
}

void RegisterWorkload::Get(const Caller& caller, OperationDone done) {
  const std::string key = AnyKey(caller);
  const auto handle = history_.BeginRead(key, caller.name);
  caller.raw->GetAsync(
      key, {},
      [this, handle, done = std::move(done)](absl::StatusOr<RawClient::Value> value) mutable {
        const Outcome outcome = ReadOutcome(value.ok(), (*on_.tallies)["get"]);
        if (value.ok()) last_[handle.key] = *value;
        history_.End(handle, outcome, value.ok() ? *value : std::nullopt);
        std::move(done)();
      });
}

void RegisterWorkload::Put(const Caller& caller, OperationDone done) {
  const std::string key = AnyKey(caller);
  const std::string value = NewValue();
  last_[key] = value;
  const auto handle = history_.BeginWrite(key, value, caller.name);
  caller.raw->PutAsync(key, value, {},
                       [this, handle, done = std::move(done)](absl::Status status) mutable {
                         history_.End(handle, OutcomeOf(status, (*on_.tallies)["put"]));
                         std::move(done)();
                       });
}

void RegisterWorkload::Delete(const Caller& caller, OperationDone done) {
  const std::string key = AnyKey(caller);
  const auto handle = history_.BeginWrite(key, std::nullopt, caller.name);
  caller.raw->DeleteAsync(key, {},
                          [this, handle, done = std::move(done)](absl::Status status) mutable {
                            history_.End(handle, OutcomeOf(status, (*on_.tallies)["delete"]));
                            std::move(done)();
                          });
}

void RegisterWorkload::Swap(const Caller& caller, OperationDone done) {
  const std::string key = AnyKey(caller);
  const RegisterHistory::Value expected = last_[key];
  const std::string value = NewValue();
  const auto handle = history_.BeginSwap(key, expected, value, caller.name);
  caller.raw->CompareAndSwapAsync(
      key, expected, value, {},
      [this, handle, value, expected,
       done = std::move(done)](absl::StatusOr<client::CasResult> result) mutable {
        const Outcome outcome = OutcomeOf(result.status(), (*on_.tallies)["compare-and-swap"]);
        if (outcome != Outcome::kDone) {
          history_.End(handle, outcome);
        } else {
          last_[handle.key] = result->swapped ? value : result->previous;
          if (result->swapped != (result->previous == expected)) {
            on_.violations->Add(fmt::format("a swap of {} says that it {}, and found {}",
                                            handle.key,
                                            result->swapped ? "swapped" : "did not swap",
                                            result->previous.value_or("nothing")));
          }
          history_.End(handle, outcome, result->previous);
        }
        std::move(done)();
      });
}

RegisterWorkload::Handles RegisterWorkload::BeginReads(const Caller& caller,
                                                       const client::Range& range) {
  Handles handles;
  for (uint64_t i = 0; i < on_.keys; ++i) {
    const std::string key = KeyOf(i);
    if (key < range.start || key >= range.end) continue;
    handles.push_back(history_.BeginRead(key, caller.name));
  }
  return handles;
}

void RegisterWorkload::EndReads(const Handles& handles, const RawClient::Pairs& pairs) {
  std::map<std::string, std::string> found;
  for (const client::KeyValue& pair : pairs) {
    if (!found.emplace(pair.key, pair.value).second) {
      on_.violations->Add(fmt::format("{} comes twice in one answer", pair.key));
    }
  }
  for (const auto& handle : handles) {
    const auto at = found.find(handle.key);
    RegisterHistory::Value value;
    if (at != found.end()) value = at->second;
    history_.End(handle, Outcome::kDone, value);
    if (at != found.end()) found.erase(at);
  }
  for (const auto& [key, value] : found) {
    on_.violations->Add(fmt::format("{} was not asked for", key));
  }
}

void RegisterWorkload::BatchGet(const Caller& caller, OperationDone done) {
  const std::vector<std::string> keys = AnyKeys(caller);
  Handles handles;
  for (const std::string& key : keys) handles.push_back(history_.BeginRead(key, caller.name));
  caller.raw->BatchGetAsync(
      keys, {},
      [this, handles, done = std::move(done)](absl::StatusOr<RawClient::Pairs> pairs) mutable {
        const Outcome outcome = ReadOutcome(pairs.ok(), (*on_.tallies)["batch get"]);
        if (pairs.ok()) {
          EndReads(handles, *pairs);
        } else {
          for (const auto& handle : handles) history_.End(handle, outcome);
        }
        std::move(done)();
      });
}

void RegisterWorkload::Scan(const Caller& caller, const client::Range& range, OperationDone done) {
  const Handles handles = BeginReads(caller, range);
  client::ScanOptions options;
  options.reverse = caller.random->Chance(0.3);
  caller.raw->ScanAsync(range, options,
                        [this, handles, reverse = options.reverse,
                         done = std::move(done)](absl::StatusOr<RawClient::Pairs> pairs) mutable {
                          const Outcome outcome = ReadOutcome(pairs.ok(), (*on_.tallies)["scan"]);
                          if (pairs.ok()) {
                            const auto in_order = [reverse](const client::KeyValue& a,
                                                            const client::KeyValue& b) {
                              return reverse ? a.key > b.key : a.key < b.key;
                            };
                            if (!std::is_sorted(pairs->begin(), pairs->end(), in_order)) {
                              on_.violations->Add("a scan is out of order");
                            }
                            EndReads(handles, *pairs);
                          } else {
                            for (const auto& handle : handles) history_.End(handle, outcome);
                          }
                          std::move(done)();
                        });
}

void RegisterWorkload::EndWrites(const Handles& handles, const absl::Status& status, Tally& tally) {
  Outcome outcome = OutcomeOf(status, tally);
  // Some of the keys may have been written.
  if (outcome == Outcome::kNever) outcome = Outcome::kUnknown;
  for (const auto& handle : handles) history_.End(handle, outcome);
}

void RegisterWorkload::BatchPut(const Caller& caller, OperationDone done) {
  RawClient::Pairs pairs;
  Handles handles;
  for (const std::string& key : AnyKeys(caller)) {
    pairs.push_back({key, NewValue()});
    last_[key] = pairs.back().value;
    handles.push_back(history_.BeginWrite(key, pairs.back().value, caller.name));
  }
  caller.raw->BatchPutAsync(pairs, {},
                            [this, handles, done = std::move(done)](absl::Status status) mutable {
                              EndWrites(handles, status, (*on_.tallies)["batch put"]);
                              std::move(done)();
                            });
}

void RegisterWorkload::BatchDelete(const Caller& caller, OperationDone done) {
  const std::vector<std::string> keys = AnyKeys(caller);
  Handles handles;
  for (const std::string& key : keys) {
    handles.push_back(history_.BeginWrite(key, std::nullopt, caller.name));
  }
  caller.raw->BatchDeleteAsync(
      keys, {}, [this, handles, done = std::move(done)](absl::Status status) mutable {
        EndWrites(handles, status, (*on_.tallies)["batch delete"]);
        std::move(done)();
      });
}

void RegisterWorkload::DeleteRange(const Caller& caller, OperationDone done) {
  const uint64_t first = caller.random->Uniform(on_.keys);
  const uint64_t last = std::min(on_.keys, first + caller.random->Between(1, kMostInDeletedRange));
  Handles handles;
  for (uint64_t i = first; i < last; ++i) {
    handles.push_back(history_.BeginWrite(KeyOf(i), std::nullopt, caller.name));
  }
  caller.raw->DeleteRangeAsync(
      {KeyOf(first), KeyOf(last)}, {},
      [this, handles, done = std::move(done)](absl::Status status) mutable {
        EndWrites(handles, status, (*on_.tallies)["delete range"]);
        std::move(done)();
      });
}

}  // namespace flotilla::testing
