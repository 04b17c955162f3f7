// One step of an operator, as a value: what a region's leader is asked to do, and how the region's
// next heartbeat proves that it was done.
//
// Pure.
#ifndef FLOTILLA_PD_SCHEDULE_OP_STEP_H_
#define FLOTILLA_PD_SCHEDULE_OP_STEP_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/env/clock.h"
#include "pd/cluster/region_info.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pd {

struct AddLearner {
  StoreId store;
  PeerId peer;  // 0 until the coordinator gives it an id.
};
struct PromoteLearner {
  StoreId store;
  PeerId peer;
};
struct RemovePeer {
  StoreId store;
  PeerId peer;
};
struct TransferLeader {
  StoreId from;
  StoreId to;
};
// Region boundaries, in order.
struct SplitRegion {
  std::vector<std::string> keys;
};

using OpStep = std::variant<AddLearner, PromoteLearner, RemovePeer, TransferLeader, SplitRegion>;

// Does the region's last heartbeat show the step done?
bool IsFinished(const OpStep& step, const RegionInfo& region);

// FailedPrecondition: the step can never be finished in the region's present state.
absl::Status CheckInProgress(const OpStep& step, const RegionInfo& region);

// By how much the step, once done, has raised the region's conf_ver.
uint64_t ConfVerChange(const OpStep& step);
bool IsSplit(const OpStep& step);

// How long the step may take before the operator is given up. Steps that copy data are slow.
env::Duration StepTimeout(const OpStep& step);

// Fills in what the leader is asked to do.
void FillInstruction(const OpStep& step, const RegionInfo& region,
                     pdpb::RegionHeartbeatResponse* response);

std::string Describe(const OpStep& step);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_OP_STEP_H_
