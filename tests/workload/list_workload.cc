#include "tests/workload/list_workload.h"

#include <spdlog/fmt/fmt.h>

#include <memory>
#include <utility>

namespace flotilla::testing {
namespace {

using client::RawClient;

constexpr uint64_t kLists = 4;

}  // namespace

std::string ListWorkload::KeyOf(uint64_t number) const {
  return fmt::format("{}l{}", on_.prefix, number);
}

void ListWorkload::Begin(const Caller& caller, OperationDone done) {
  const std::string key = KeyOf(caller.random->Uniform(kLists));
  if (caller.random->Chance(0.4)) return Read(caller, key, std::move(done));
  Append(caller, key, std::move(done));
}

void ListWorkload::BeginLastReads(const Caller& caller, OperationDone done) {
  auto left = std::make_shared<uint64_t>(kLists);
  auto all_done = std::make_shared<OperationDone>(std::move(done));
  for (uint64_t i = 0; i < kLists; ++i) {
    Read(caller, KeyOf(i), [left, all_done] {
      if (--*left == 0) std::move (*all_done)();
    });
  }
}

void ListWorkload::OnFound(const std::string& key, size_t floor, const std::string& found) {
  List& list = lists_[key];
  const size_t common = std::min(found.size(), list.longest.size());
  if (found.compare(0, common, list.longest, 0, common) != 0) {
    on_.violations->Add(
        fmt::format("the list {} is read as {} and was {}", key, found, list.longest));
  }
  if (found.size() < floor) {
    on_.violations->Add(fmt::format("the list {} is read as {} after {} was acknowledged or read",
                                    key, found, list.longest.substr(0, floor)));
  }
  if (found.size() > list.longest.size()) list.longest = found;
}

void ListWorkload::Read(const Caller& caller, const std::string& key, OperationDone done) {
  caller.raw->GetAsync(key, {},
                       [this, key, floor = lists_[key].longest.size(),
                        done = std::move(done)](absl::StatusOr<RawClient::Value> value) mutable {
                         Tally& tally = (*on_.tallies)["list read"];
                         ++(value.ok() ? tally.done : tally.refused);
                         if (value.ok()) OnFound(key, floor, value->value_or(""));
                         std::move(done)();
                       });
}

void ListWorkload::Append(const Caller& caller, const std::string& key, OperationDone done) {
  const std::string before = lists_[key].longest;
  const std::string after = before + fmt::format("{} ", ++elements_);
  RawClient::Value expected;
  if (!before.empty()) expected = before;
  caller.raw->CompareAndSwapAsync(key, expected, after, {},
                                  [this, key, before, after, done = std::move(done)](
                                      absl::StatusOr<client::CasResult> result) mutable {
                                    OutcomeOf(result.status(), (*on_.tallies)["list append"]);
                                    if (result.ok()) {
                                      OnFound(key, before.size(), result->previous.value_or(""));
                                      if (result->swapped) OnFound(key, before.size(), after);
                                    }
                                    std::move(done)();
                                  });
}

}  // namespace flotilla::testing
