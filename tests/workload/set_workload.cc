#include "tests/workload/set_workload.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

namespace flotilla::testing {

std::string SetWorkload::KeyOf(uint64_t element) const {
  return fmt::format("{}s{:07}", on_.prefix, element);
}

void SetWorkload::Begin(const Caller& caller, OperationDone done) {
  const uint64_t element = added_.size();
  added_.push_back(Outcome::kUnderWay);
  caller.raw->PutAsync(KeyOf(element), std::to_string(element), {},
                       [this, element, done = std::move(done)](absl::Status status) mutable {
                         added_[element] = OutcomeOf(status, (*on_.tallies)["set add"]);
                         std::move(done)();
                       });
}

void SetWorkload::BeginLastReads(const Caller& caller, OperationDone done) {
  // The character behind 's' ends the range.
  caller.raw->ScanAsync(
      {on_.prefix + "s", on_.prefix + "t"}, {},
      [this, done = std::move(done)](absl::StatusOr<client::RawClient::Pairs> found) mutable {
        Tally& tally = (*on_.tallies)["set read"];
        ++(found.ok() ? tally.done : tally.refused);
        if (found.ok()) OnFound(*found);
        std::move(done)();
      });
}

void SetWorkload::OnFound(const client::RawClient::Pairs& found) {
  std::map<std::string, std::string> left;
  for (const client::KeyValue& pair : found) left.emplace(pair.key, pair.value);
  for (uint64_t element = 0; element < added_.size(); ++element) {
    const auto at = left.find(KeyOf(element));
    const bool is_there = at != left.end() && at->second == std::to_string(element);
    if (!is_there && added_[element] == Outcome::kDone) {
      on_.violations->Add(fmt::format("{} was acknowledged and is not there", KeyOf(element)));
    }
    if (is_there && added_[element] == Outcome::kNever) {
      on_.violations->Add(fmt::format("{} was refused and is there", KeyOf(element)));
    }
    if (is_there) left.erase(at);
  }
  for (const auto& [key, value] : left) {
    on_.violations->Add(fmt::format("{} holds {}, which nobody added", key, value));
  }
}

}  // namespace flotilla::testing
