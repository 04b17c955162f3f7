// Spreads leaders evenly: one transfer at a time from the store that leads most to one that leads
// fewest. Also scatters one region's leader on request.
//
// Pure: of the view and the seed.
#ifndef FLOTILLA_PD_SCHEDULE_LEADER_BALANCE_H_
#define FLOTILLA_PD_SCHEDULE_LEADER_BALANCE_H_

#include <optional>

#include "absl/functional/function_ref.h"
#include "common/env/random.h"
#include "pd/cluster/cluster.h"
#include "pd/schedule/operator.h"

namespace flotilla::pd {

struct LeaderBalanceConfig {
  // Leaders by which two stores may differ: less than 2 would move leaders back and forth.
  int tolerance = 2;
  // And as a share of the mean, so that many regions are not shuffled for little.
  double tolerance_ratio = 0.05;
  // Regions looked at for one that can be moved.
  size_t attempts = 64;
};

// Whether the region is busy with an operator already.
using IsBusy = absl::FunctionRef<bool(RegionId)>;

// Nothing before nine tenths of the regions have a known leader: until then the counts say little.
std::optional<Operator> BalanceLeaders(const LeaderBalanceConfig& config, const ClusterView& view,
                                       env::Random& random, IsBusy is_busy);

// Moves the region's leader to the store of its voters that leads fewest; an operator without
// steps when it is there already. Peers stay where they are.
Operator ScatterLeader(const ClusterView& view, const RegionInfo& region);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_LEADER_BALANCE_H_
