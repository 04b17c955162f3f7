#include "pd/schedule/replica_checker.h"

#include <vector>

namespace flotilla::pd {
namespace {

bool IsOnLostStore(const ClusterView& view, const metapb::Peer& peer) {
  const auto it = view.stores.find(StoreId(peer.store_id()));
  return it == view.stores.end() || it->second.IsLost(view.now);
}

// One too many: on a lost store if there is one, else where most peers are; never the leader.
const metapb::Peer* PickSurplus(const ClusterView& view, const RegionInfo& region) {
  const metapb::Peer* worst = nullptr;
  bool worst_lost = false;
  for (const metapb::Peer& peer : region.meta.peers()) {
    if (peer.id() == region.leader.id()) continue;
    const bool lost = IsOnLostStore(view, peer);
    const bool fuller = worst != nullptr && view.regions.PeerCount(StoreId(peer.store_id())) >
                                                view.regions.PeerCount(StoreId(worst->store_id()));
    if (worst == nullptr || (lost && !worst_lost) || (lost == worst_lost && fuller)) {
      worst = &peer;
      worst_lost = lost;
    }
  }
  return worst;
}

}  // namespace

std::optional<StoreId> PickTarget(const ReplicaConfig& config, const ClusterView& view,
                                  const RegionInfo& region, const AddingByStore& adding) {
  std::optional<StoreId> best;
  int best_load = 0;
  for (const auto& [id, store] : view.stores) {
    if (!store.IsServing(view.now) || store.IsFull() || region.PeerOn(id) != nullptr) continue;
    const auto it = adding.find(id);
    const int coming = it == adding.end() ? 0 : it->second;
    if (coming >= config.max_adding_per_store) continue;
    const int load = view.regions.PeerCount(id) + coming;
    if (!best.has_value() || load < best_load) {
      best = id;
      best_load = load;
    }
  }
  return best;
}

std::optional<Operator> CheckReplicas(const ReplicaConfig& config, const ClusterView& view,
                                      const RegionInfo& region, const AddingByStore& adding) {
  if (!region.HasLeader()) return std::nullopt;
  uint32_t good_voters = 0;
  const metapb::Peer* learner = nullptr;
  const metapb::Peer* lost = nullptr;
  for (const metapb::Peer& peer : region.meta.peers()) {
    // A region in a joint configuration is left to finish it.
    if (peer.role() != metapb::Voter && peer.role() != metapb::Learner) return std::nullopt;
    if (IsOnLostStore(view, peer)) {
      lost = &peer;
    } else if (peer.role() == metapb::Learner) {
      learner = &peer;
    } else {
      ++good_voters;
    }
  }
  if (good_voters < config.max_replicas) {
    if (learner != nullptr) {
      if (region.IsPending(PeerId(learner->id()))) return std::nullopt;
      return MakeOperator("promote-learner", OperatorKind::kReplica, region,
                          {PromoteLearner{StoreId(learner->store_id()), PeerId(learner->id())}});
    }
    const std::optional<StoreId> target = PickTarget(config, view, region, adding);
    if (!target.has_value()) return std::nullopt;
    return MakeOperator(lost == nullptr ? "make-up-replica" : "replace-lost-replica",
                        OperatorKind::kReplica, region,
                        {AddLearner{*target, PeerId()}, PromoteLearner{*target, PeerId()}});
  }
  // Enough replicas are good: what is lost, left behind or too many goes.
  if (static_cast<uint32_t>(region.meta.peers_size()) > config.max_replicas) {
    const metapb::Peer* surplus = lost != nullptr      ? lost
                                  : learner != nullptr ? learner
                                                       : PickSurplus(view, region);
    if (surplus == nullptr || surplus->id() == region.leader.id()) return std::nullopt;
    return MakeOperator("remove-extra-replica", OperatorKind::kReplica, region,
                        {RemovePeer{StoreId(surplus->store_id()), PeerId(surplus->id())}});
  }
  return std::nullopt;
}

}  // namespace flotilla::pd
