#include "pd/schedule/replica_rebuild.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pd/schedule/store_loss.h"

namespace flotilla::pd {
namespace {

bool IsTrusted(const ClusterView& view, const RegionInfo& region, const RebuildRequest& request,
               const metapb::Peer& peer) {
  return StoreId(peer.store_id()) != request.store &&
         !request.differing.contains(PeerId(peer.id())) && IsSound(view, region, peer);
}

absl::Status CheckMayRebuild(const ClusterView& view, const RegionInfo& region,
                             const RebuildRequest& request) {
  const metapb::Peer* peer = region.PeerOn(request.store);
  if (peer == nullptr) {
    return absl::NotFoundError(absl::StrCat("region ", region.meta.id(),
                                            " has no replica on store ", request.store.value()));
  }
  if (!region.HasLeader()) {
    return absl::FailedPreconditionError(
        absl::StrCat("PD knows no leader of region ", region.meta.id()));
  }
  for (const metapb::Peer& other : region.meta.peers()) {
    if (other.role() == metapb::Voter || other.role() == metapb::Learner) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("region ", region.meta.id(), " is changing its members"));
  }
  const auto is_out = [&](const metapb::Peer& other) {
    return !IsTrusted(view, region, request, other);
  };
  if (HasMajorityWithout(view, region, is_out)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "region ", region.meta.id(), " has no majority of sound voters without its replica on store ",
      request.store.value(), ": bring its other replicas back first"));
}

// The voter to lead: where fewest regions are led.
std::optional<StoreId> PickLeader(const ClusterView& view, const RegionInfo& region,
                                  const RebuildRequest& request) {
  std::optional<StoreId> best;
  for (const metapb::Peer& peer : region.meta.peers()) {
    const StoreId store(peer.store_id());
    if (peer.role() != metapb::Voter || !IsTrusted(view, region, request, peer)) continue;
    if (!best.has_value() || view.regions.LeaderCount(store) < view.regions.LeaderCount(*best)) {
      best = store;
    }
  }
  return best;
}

bool HasRoom(const ClusterView& view, StoreId store) {
  const auto it = view.stores.find(store);
  return it != view.stores.end() && it->second.IsServing(view.now) && !it->second.IsFull();
}

}  // namespace

absl::StatusOr<Operator> PlanRebuild(const ReplicaConfig& config, const ClusterView& view,
                                     const RegionInfo& region, const AddingByStore& adding,
                                     const RebuildRequest& request) {
  if (absl::Status status = CheckMayRebuild(view, region, request); !status.ok()) return status;
  const metapb::Peer& old = *region.PeerOn(request.store);
  std::vector<OpStep> steps;
  // The new replica is a copy of the leader's: it must not be one that differs.
  if (!IsTrusted(view, region, request, region.leader)) {
    const std::optional<StoreId> leader = PickLeader(view, region, request);
    if (!leader.has_value()) {
      return absl::FailedPreconditionError(
          absl::StrCat("region ", region.meta.id(), " has no other voter that could lead"));
    }
    steps.push_back(TransferLeader{region.leader_store(), *leader});
  }
  const RemovePeer remove{request.store, PeerId(old.id())};
  if (old.role() == metapb::Learner) {
    // The replica checker makes another one if there are too few voters.
    steps.push_back(remove);
  } else if (const auto target = PickTarget(config, view, region, adding); target.has_value()) {
    steps.push_back(AddLearner{*target, PeerId()});
    steps.push_back(PromoteLearner{*target, PeerId()});
    steps.push_back(remove);
  } else if (HasRoom(view, request.store)) {
    steps.push_back(remove);
    steps.push_back(AddLearner{request.store, PeerId()});
    steps.push_back(PromoteLearner{request.store, PeerId()});
  } else {
    return absl::FailedPreconditionError(
        absl::StrCat("no store has room for another replica of region ", region.meta.id()));
  }
  return MakeOperator(kRebuildReplica, OperatorKind::kReplica, region, std::move(steps));
}

}  // namespace flotilla::pd
