#include "tests/sim/fault/atlas.h"

#include <algorithm>

#include "common/base/check.h"
#include "store/region/region_storage.h"

namespace flotilla::sim {
namespace {

std::pair<uint64_t, uint64_t> EpochOf(const metapb::Region& region) {
  return {region.region_epoch().conf_ver(), region.region_epoch().version()};
}

bool IsMember(const metapb::Region& region, StoreId store) {
  return std::any_of(region.peers().begin(), region.peers().end(),
                     [store](const auto& peer) { return peer.store_id() == store.value(); });
}

bool HasChange(const StoreNode& node, const store::PersistedRegion& region) {
  const RegionId id(region.state.region.id());
  const auto state = node.disk().log_engine.Load(id);
  if (!state.ok()) return false;
  const Index first = std::max(region.applied.index, state->truncated.index) + 1;
  if (first > state->last.index) return false;
  const auto entries = node.disk().log_engine.Entries(id, first, state->last.index + 1, UINT64_MAX);
  return entries.ok() && std::any_of(entries->begin(), entries->end(), [](const auto& entry) {
           return entry.type == raft::EntryType::kConfChange;
         });
}

}  // namespace

// Of damaged stores nothing is read.
FaultAtlas::Regions FaultAtlas::Newest(const Stores& stores) const {
  Regions newest;
  for (const auto& node : stores) {
    if (node->IsDamaged()) continue;
    const auto regions = store::LoadRegions(node->disk().engine);
    CHECK_OK(regions.status());
    for (const store::PersistedRegion& region : *regions) {
      if (region.state.kind != store::RegionState::Kind::kNormal) continue;
      metapb::Region& known = newest[RegionId(region.state.region.id())];
      if (known.peers().empty() || EpochOf(known) < EpochOf(region.state.region)) {
        known = region.state.region;
      }
    }
  }
  return newest;
}

std::set<RegionId> FaultAtlas::Changing(const StoreNode& node) {
  std::set<RegionId> changing;
  if (node.IsDamaged()) return changing;
  const auto regions = store::LoadRegions(node.disk().engine);
  CHECK_OK(regions.status());
  for (const store::PersistedRegion& region : *regions) {
    if (HasChange(node, region)) changing.insert(RegionId(region.state.region.id()));
  }
  return changing;
}

bool FaultAtlas::Survives(const metapb::Region& region, StoreId loss) const {
  uint32_t voters = 0;
  uint32_t lost = 0;
  for (const metapb::Peer& peer : region.peers()) {
    // Both majorities of a joint configuration would count.
    if (peer.role() != metapb::Voter && peer.role() != metapb::Learner) return false;
    voters += peer.role() == metapb::Voter;
    // Learners too: they may become voters.
    const StoreId store(peer.store_id());
    lost += store == loss || lost_.contains(store);
  }
  return lost <= (std::min(voters, max_replicas_) - 1) / 2;
}

bool FaultAtlas::MayLose(const Stores& stores, const StoreNode& victim) const {
  if (victim.id() == StoreId() || stores.size() < max_replicas_) return false;
  // PD does not know of the damage, and may give that store replicas of any region.
  for (const auto& node : stores) {
    if (node->IsDamaged()) return false;
  }
  std::set<RegionId> changing;
  for (const auto& node : stores) changing.merge(Changing(*node));
  for (const auto& [id, region] : Newest(stores)) {
    const auto asked_for = asked_for_.find(id);
    const bool may_still_come =
        asked_for != asked_for_.end() && asked_for->second >= region.region_epoch().conf_ver();
    // Whoever is no member yet may become one by that, or is one already, by what was not flushed.
    if (changing.contains(id) || may_still_come) return false;
    if (IsMember(region, victim.id()) && !Survives(region, victim.id())) return false;
  }
  return true;
}

bool FaultAtlas::MayDamage(const Stores& stores, const StoreNode& victim) const {
  if (!MayLose(stores, victim)) return false;
  const Regions regions = Newest(stores);
  return std::none_of(regions.begin(), regions.end(),
                      [this](const auto& region) { return HasLost(region.second); });
}

bool FaultAtlas::HasLost(const metapb::Region& region) const {
  return std::any_of(region.peers().begin(), region.peers().end(),
                     [this](const auto& peer) { return lost_.contains(StoreId(peer.store_id())); });
}

void FaultAtlas::OnChangeAskedFor(const metapb::Region& region) {
  uint64_t& conf_ver = asked_for_[RegionId(region.id())];
  conf_ver = std::max(conf_ver, region.region_epoch().conf_ver());
}

}  // namespace flotilla::sim
