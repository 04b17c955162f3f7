#include "tests/workload/pd_workload.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

namespace flotilla::testing {

void PdWorkload::Begin(const Caller& caller, OperationDone done) {
  if (caller.random->Chance(0.8)) return GetTimestamps(caller, std::move(done));
  AllocateIds(caller, std::move(done));
}

void PdWorkload::BeginLastReads(const Caller& caller, OperationDone done) {
  GetTimestamps(caller, std::move(done));
}

void PdWorkload::GetTimestamps(const Caller& caller, OperationDone done) {
  const auto count = static_cast<uint32_t>(caller.random->Between(1, 5));
  caller.pd->GetTimestamps(count, [this, count, floor = newest_, done = std::move(done)](
                                      absl::StatusOr<pdclient::Timestamp> last) mutable {
    Tally& tally = (*on_.tallies)["timestamps"];
    ++(last.ok() ? tally.done : tally.refused);
    for (uint32_t i = 0; last.ok() && i < count; ++i) {
      const pdclient::Timestamp timestamp = *last - i;
      if (timestamp <= floor) {
        on_.violations->Add(fmt::format("timestamp {} was given out after {}", timestamp, floor));
      }
      if (!timestamps_.insert(timestamp).second) {
        on_.violations->Add(fmt::format("timestamp {} was given out twice", timestamp));
      }
      newest_ = std::max(newest_, timestamp);
    }
    std::move(done)();
  });
}

void PdWorkload::AllocateIds(const Caller& caller, OperationDone done) {
  const auto count = static_cast<uint32_t>(caller.random->Between(1, 200));
  caller.pd->AllocIds(
      count, [this, count, done = std::move(done)](absl::StatusOr<uint64_t> first) mutable {
        Tally& tally = (*on_.tallies)["ids"];
        ++(first.ok() ? tally.done : tally.refused);
        for (uint64_t i = 0; first.ok() && i < count; ++i) {
          if (!ids_.insert(*first + i).second) {
            on_.violations->Add(fmt::format("id {} was given out twice", *first + i));
          }
        }
        std::move(done)();
      });
}

}  // namespace flotilla::testing
