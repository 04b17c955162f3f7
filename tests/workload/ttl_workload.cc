#include "tests/workload/ttl_workload.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

namespace flotilla::testing {
namespace {

using client::RawClient;
using Outcome = RegisterHistory::Outcome;

// Seconds are rounded.
constexpr env::Duration kRounding = std::chrono::seconds(1);

}  // namespace

void TtlWorkload::Begin(const Caller& caller, OperationDone done) {
  if (written_.empty() || caller.random->Chance(0.4)) return Write(caller, std::move(done));
  Read(caller, caller.random->Uniform(written_.size()), std::move(done));
}

void TtlWorkload::BeginLastReads(const Caller& caller, OperationDone done) {
  if (written_.empty()) return std::move(done)();
  Read(caller, written_.size() - 1, std::move(done));
}

void TtlWorkload::Write(const Caller& caller, OperationDone done) {
  const size_t number = written_.size();
  const auto ttl = std::chrono::seconds(caller.random->Between(1, 30));
  Written written;
  written.key = fmt::format("{}t{:04}", on_.prefix, number);
  written.ttl = ttl;
  written.begin = on_.clock->Now();
  written_.push_back(written);
  client::WriteOptions options;
  options.ttl = ttl;
  caller.raw->PutAsync(written.key, "here", options,
                       [this, number, done = std::move(done)](absl::Status status) mutable {
                         written_[number].end = on_.clock->Now();
                         written_[number].outcome =
                             OutcomeOf(status, (*on_.tallies)["put with ttl"]);
                         std::move(done)();
                       });
}

void TtlWorkload::Read(const Caller& caller, size_t number, OperationDone done) {
  caller.raw->GetAsync(written_[number].key, {},
                       [this, number, begin = on_.clock->Now(),
                        was_acknowledged = written_[number].outcome == Outcome::kDone,
                        done = std::move(done)](absl::StatusOr<RawClient::Value> value) mutable {
                         Tally& tally = (*on_.tallies)["get with ttl"];
                         ++(value.ok() ? tally.done : tally.refused);
                         if (value.ok())
                           OnRead(written_[number], begin, was_acknowledged, value->has_value());
                         std::move(done)();
                       });
}

void TtlWorkload::OnRead(const Written& written, env::Instant begin, bool was_acknowledged,
                         bool found) {
  // Who writes and who reads may have other wall clocks, each off to either side.
  const env::Duration error = 2 * on_.max_wall_skew + kRounding;
  if (found && written.outcome == Outcome::kNever) {
    on_.violations->Add(fmt::format("{} was refused and is there", written.key));
  }
  if (found && written.outcome == Outcome::kDone && begin > written.end + written.ttl + error) {
    on_.violations->Add(fmt::format("{} is there after its time", written.key));
  }
  if (!found && was_acknowledged && on_.clock->Now() + error < written.begin + written.ttl) {
    on_.violations->Add(fmt::format("{} is gone before its time", written.key));
  }
}

}  // namespace flotilla::testing
