#include "pd/schedule/store_loss.h"

#include <chrono>

#include "absl/strings/str_cat.h"

namespace flotilla::pd {
namespace {

int64_t Seconds(env::Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

bool IsVoter(const metapb::Peer& peer) { return peer.role() != metapb::Learner; }

}  // namespace

bool IsSound(const ClusterView& view, const RegionInfo& region, const metapb::Peer& peer) {
  const auto store = view.stores.find(StoreId(peer.store_id()));
  return store != view.stores.end() && store->second.IsServing(view.now) &&
         !region.IsDown(PeerId(peer.id())) && !region.IsPending(PeerId(peer.id()));
}

bool HasMajorityWithout(const ClusterView& view, const RegionInfo& region,
                        absl::FunctionRef<bool(const metapb::Peer&)> is_out) {
  int voters = 0;
  int sound = 0;
  for (const metapb::Peer& peer : region.meta.peers()) {
    if (!IsVoter(peer)) continue;
    ++voters;
    if (!is_out(peer) && IsSound(view, region, peer)) ++sound;
  }
  return sound * 2 > voters;
}

absl::Status CheckMayDeclareLost(const ClusterView& view, StoreId store) {
  const auto it = view.stores.find(store);
  if (it == view.stores.end()) {
    return absl::NotFoundError(absl::StrCat("store ", store.value(), " does not exist"));
  }
  const StoreInfo& info = it->second;
  if (info.meta.physically_destroyed()) return absl::OkStatus();
  if (info.SilentFor(view.now) < kStoreDisconnectedAfter) {
    const std::string heard =
        info.last_heartbeat.has_value()
            ? absl::StrCat("PD heard of store ", store.value(), " ",
                           Seconds(info.SilentFor(view.now)), " s ago")
            : absl::StrCat("this leader of PD waits for store ", store.value(), " since ",
                           Seconds(info.SilentFor(view.now)), " s");
    return absl::FailedPreconditionError(
        absl::StrCat(heard, ": stop it; it can be declared lost once it was silent for ",
                     Seconds(kStoreDisconnectedAfter), " s"));
  }
  const auto is_there = [store](const metapb::Peer& peer) {
    return StoreId(peer.store_id()) == store;
  };
  for (const RegionPtr& region : view.regions.Scan({"", ""}, 0)) {
    if (region->PeerOn(store) == nullptr || HasMajorityWithout(view, *region, is_there)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "region ", region->meta.id(), " has no majority of sound voters without store ",
        store.value(), ": bring its other replicas back first"));
  }
  return absl::OkStatus();
}

std::vector<StoreId> LostStoresToBury(const ClusterView& view) {
  std::vector<StoreId> stores;
  for (const auto& [id, store] : view.stores) {
    if (store.meta.physically_destroyed() && store.meta.state() != metapb::Tombstone &&
        view.regions.PeerCount(id) == 0) {
      stores.push_back(id);
    }
  }
  return stores;
}

}  // namespace flotilla::pd
