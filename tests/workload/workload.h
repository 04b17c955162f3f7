// What clients do. A workload begins one operation after the other, remembers what it was told, and
// says in the end whether that can be true.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_WORKLOAD_WORKLOAD_H_
#define FLOTILLA_TESTS_WORKLOAD_WORKLOAD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "common/pdclient/pd_client.h"
#include "flotilla/client/raw_client.h"
#include "tests/check/register_history.h"
#include "tests/support/violations.h"

namespace flotilla::testing {

// How many operations of a kind ended how.
struct Tally {
  uint64_t done = 0;
  uint64_t unknown = 0;
  uint64_t refused = 0;
};
using Tallies = std::map<std::string, Tally>;

// What a workload works with; outlives it.
struct WorkloadContext {
  // In front of every key of this workload's; two workloads with different ones share no key.
  std::string prefix{};
  // Registers.
  uint64_t keys = 50;
  // What the wall clock of a server may be wrong by, to either side.
  env::Duration max_wall_skew{};
  const env::Clock* clock = nullptr;
  Violations* violations = nullptr;
  Tallies* tallies = nullptr;
};

// The client of one operation.
struct Caller {
  std::string name;
  client::RawClient* raw = nullptr;
  pdclient::PdClient* pd = nullptr;
  env::Random* random = nullptr;
};

// Called once, when the operation has ended; it may be before Begin returns.
using OperationDone = absl::AnyInvocable<void() &&>;

class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::string_view name() const = 0;
  // One operation, any.
  virtual void Begin(const Caller& caller, OperationDone done) = 0;
  // Reads everything that it ever wrote, now that all is healed.
  virtual void BeginLastReads(const Caller& caller, OperationDone done) = 0;
  // All operations have ended.
  virtual void Check() {}
};

// All that there are.
std::vector<std::unique_ptr<Workload>> MakeWorkloads(const WorkloadContext& context);

// What the status of a write says of it, counted.
RegisterHistory::Outcome OutcomeOf(const absl::Status& status, Tally& tally);

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_WORKLOAD_WORKLOAD_H_
