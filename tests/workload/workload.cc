#include "tests/workload/workload.h"

#include "tests/workload/list_workload.h"
#include "tests/workload/pd_workload.h"
#include "tests/workload/register_workload.h"
#include "tests/workload/ttl_workload.h"

namespace flotilla::testing {

std::vector<std::unique_ptr<Workload>> MakeWorkloads(const WorkloadContext& context) {
  std::vector<std::unique_ptr<Workload>> workloads;
  workloads.push_back(std::make_unique<RegisterWorkload>(context));
  workloads.push_back(std::make_unique<ListWorkload>(context));
  workloads.push_back(std::make_unique<PdWorkload>(context));
  workloads.push_back(std::make_unique<TtlWorkload>(context));
  return workloads;
}

RegisterHistory::Outcome OutcomeOf(const absl::Status& status, Tally& tally) {
  if (status.ok()) {
    ++tally.done;
    return RegisterHistory::Outcome::kDone;
  }
  if (client::IsUndetermined(status)) {
    ++tally.unknown;
    return RegisterHistory::Outcome::kUnknown;
  }
  ++tally.refused;
  return RegisterHistory::Outcome::kNever;
}

}  // namespace flotilla::testing
