#include "pd/schedule/leader_balance.h"

#include <algorithm>
#include <vector>

namespace flotilla::pd {
namespace {

bool MayLead(const ClusterView& view, const RegionInfo& region, const metapb::Peer& peer) {
  const auto it = view.stores.find(StoreId(peer.store_id()));
  return it != view.stores.end() && it->second.IsServing(view.now) &&
         peer.role() == metapb::Voter && !region.IsPending(PeerId(peer.id())) &&
         !region.IsDown(PeerId(peer.id()));
}

// The voter's store with the fewest leaders, the present leader's store included.
StoreId BestLeaderStore(const ClusterView& view, const RegionInfo& region) {
  StoreId best = region.leader_store();
  // Moving there must leave it with no more leaders than the present store has then.
  int best_count = view.regions.LeaderCount(best) - 1;
  for (const metapb::Peer& peer : region.meta.peers()) {
    const StoreId store(peer.store_id());
    if (store == best || !MayLead(view, region, peer)) continue;
    const int count = view.regions.LeaderCount(store);
    if (count < best_count) {
      best = store;
      best_count = count;
    }
  }
  return best;
}

}  // namespace

std::optional<Operator> BalanceLeaders(const LeaderBalanceConfig& config, const ClusterView& view,
                                       env::Random& random, IsBusy is_busy) {
  const size_t total = view.regions.size();
  if (total == 0 || view.regions.led_count() * 10 < total * 9) return std::nullopt;
  StoreId most;
  int most_count = -1;
  int least_count = 0;
  int serving = 0;
  for (const auto& [id, store] : view.stores) {
    if (!store.IsServing(view.now)) continue;
    const int count = view.regions.LeaderCount(id);
    if (most_count < 0 || count > most_count) {
      most = id;
      most_count = count;
    }
    least_count = serving == 0 ? count : std::min(least_count, count);
    ++serving;
  }
  if (serving < 2) return std::nullopt;
  const double mean = static_cast<double>(total) / serving;
  const int tolerance = std::max(config.tolerance, static_cast<int>(mean * config.tolerance_ratio));
  if (most_count - least_count < tolerance) return std::nullopt;

  // A random start keeps one region that cannot move from being tried for ever.
  const std::vector<RegionPtr> all = view.regions.Scan({"", ""}, 0);
  const size_t start = random.Uniform(all.size());
  size_t tried = 0;
  for (size_t i = 0; i < all.size() && tried < config.attempts; ++i) {
    const RegionInfo& region = *all[(start + i) % all.size()];
    if (region.leader_store() != most || is_busy(region.id())) continue;
    ++tried;
    const StoreId target = BestLeaderStore(view, region);
    if (target == most || most_count - view.regions.LeaderCount(target) < tolerance) continue;
    return MakeOperator("balance-leader", OperatorKind::kLeader, region,
                        {TransferLeader{most, target}});
  }
  return std::nullopt;
}

Operator ScatterLeader(const ClusterView& view, const RegionInfo& region) {
  std::vector<OpStep> steps;
  const StoreId target = BestLeaderStore(view, region);
  if (target != region.leader_store()) {
    steps.push_back(TransferLeader{region.leader_store(), target});
  }
  return MakeOperator("scatter-region", OperatorKind::kLeader, region, std::move(steps));
}

}  // namespace flotilla::pd
