// Keeps every region at `max_replicas` voters on distinct stores that are not lost: makes missing
// replicas, promotes learners that were left behind, replaces replicas on lost stores, removes what
// is too many.
//
// Pure: of the view and the region.
#ifndef FLOTILLA_PD_SCHEDULE_REPLICA_CHECKER_H_
#define FLOTILLA_PD_SCHEDULE_REPLICA_CHECKER_H_

#include <cstdint>
#include <optional>

#include "absl/container/btree_map.h"
#include "pd/cluster/cluster.h"
#include "pd/schedule/operator.h"

namespace flotilla::pd {

struct ReplicaConfig {
  uint32_t max_replicas = 3;
  // New replicas that one store may be receiving at a time.
  int max_adding_per_store = 8;
};

// Replicas that operators under way are adding, by store.
using AddingByStore = absl::btree_map<StoreId, int>;

// The one thing to do for the region now, or nullopt. An AddLearner step has peer 0: the caller
// gives it an id. REQUIRES: the region has no operator.
std::optional<Operator> CheckReplicas(const ReplicaConfig& config, const ClusterView& view,
                                      const RegionInfo& region, const AddingByStore& adding);

// The serving store with the fewest peers, and room, that has no replica of this region; nullopt:
// there is none.
std::optional<StoreId> PickTarget(const ReplicaConfig& config, const ClusterView& view,
                                  const RegionInfo& region, const AddingByStore& adding);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_REPLICA_CHECKER_H_
