// How a replica that is not to be trusted is made anew, on an operator's command: from the others,
// which stay a majority all the time.
//
// Pure: of the view and the region.
#ifndef FLOTILLA_PD_SCHEDULE_REPLICA_REBUILD_H_
#define FLOTILLA_PD_SCHEDULE_REPLICA_REBUILD_H_

#include <set>

#include "absl/status/statusor.h"
#include "pd/cluster/cluster.h"
#include "pd/schedule/operator.h"
#include "pd/schedule/replica_checker.h"

namespace flotilla::pd {

// `desc` of the operator.
inline constexpr char kRebuildReplica[] = "rebuild-replica";

// What is asked for: the replica of the region on that store. Others in `differing` are not to be
// trusted either.
struct RebuildRequest {
  StoreId store;
  std::set<PeerId> differing;
};

// The steps: leadership goes elsewhere first if it is there; then a new replica is added on another
// store and the old one removed, or, where no other store has room, the other way round on the same
// store. New peers have id 0: the caller gives them one. NotFound: no replica there.
// FailedPrecondition: the others are no majority of sound voters, or there is no room.
absl::StatusOr<Operator> PlanRebuild(const ReplicaConfig& config, const ClusterView& view,
                                     const RegionInfo& region, const AddingByStore& adding,
                                     const RebuildRequest& request);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_REPLICA_REBUILD_H_
