// When an operator says that a store is gone for good: may PD believe it, and when is it done?
//
// Pure: of the view.
#ifndef FLOTILLA_PD_SCHEDULE_STORE_LOSS_H_
#define FLOTILLA_PD_SCHEDULE_STORE_LOSS_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/base/ids.h"
#include "pd/cluster/cluster.h"

namespace flotilla::pd {

// On a store that serves, neither down nor catching up, as the region's leader last said?
bool IsSound(const ClusterView& view, const RegionInfo& region, const metapb::Peer& peer);

// Are the sound voters but for those that `is_out` a majority of all voters?
bool HasMajorityWithout(const ClusterView& view, const RegionInfo& region,
                        absl::FunctionRef<bool(const metapb::Peer&)> is_out);

// NotFound: no such store. FailedPrecondition: it still speaks, or a region, which the message
// names, would be left without a majority. OK also when it is declared lost already.
absl::Status CheckMayDeclareLost(const ClusterView& view, StoreId store);

// Stores that were declared lost and have no replica left: they can be forgotten.
std::vector<StoreId> LostStoresToBury(const ClusterView& view);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_STORE_LOSS_H_
