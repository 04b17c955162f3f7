#include "tests/sim/check/settled.h"

#include <spdlog/fmt/fmt.h>

#include <map>

#include "common/base/check.h"
#include "store/region/region_storage.h"

namespace flotilla::sim {
namespace {

using Rows = std::map<std::string, std::string>;
using store::RegionView;
using store::RegionViewPtr;

raft::EntryId AppliedOn(StoreNode& node, RegionId region) {
  const auto applied =
      node.disk().engine.Get(engine::ColumnFamily::kMeta, store::AppliedKey(region));
  CHECK_OK(applied.status());
  if (!applied->has_value()) return {};
  const auto decoded = store::DecodeApplied(**applied);
  CHECK_OK(decoded.status());
  return *decoded;
}

std::string WhatIsBehind(Cluster& cluster, const RegionView& leader, const metapb::Peer& peer) {
  const store::Region& region = leader.region;
  const std::string name = fmt::format("peer {} of region {}", peer.id(), region.id());
  StoreNode* const node = cluster.StoreOf(StoreId(peer.store_id()));
  if (node == nullptr) return fmt::format("{}: store {} is not up", name, peer.store_id());
  const RegionViewPtr view = node->core().index().Find(region.id());
  if (view == nullptr || view->self.id() != peer.id()) {
    return fmt::format("{} is not on store {}", name, peer.store_id());
  }
  if (view->region.epoch() != region.epoch()) return name + " has another epoch";
  const raft::EntryId goal =
      AppliedOn(*cluster.StoreOf(StoreId(leader.self.store_id())), region.id());
  const raft::EntryId applied = AppliedOn(*node, region.id());
  if (applied == goal) return "";
  return fmt::format("{} has applied {} of {}", name, applied.index, goal.index);
}

std::string WhatPdMisses(Cluster& cluster, const std::vector<RegionViewPtr>& led) {
  PdNode* const node = cluster.PdLeader();
  if (node == nullptr) return "PD has no leader";
  const auto state = node->Leading();
  const std::vector<pd::RegionPtr> known = state->cluster.ScanRegions({}, 0);
  std::string end;
  for (const pd::RegionPtr& region : known) {
    if (region->meta.start_key() != end) return "PD knows no region from " + end;
    end = region->meta.end_key();
  }
  if (known.empty() || !end.empty()) return "PD knows no region from " + end;
  if (known.size() != led.size()) {
    return fmt::format("PD knows {} regions of {}", known.size(), led.size());
  }
  for (size_t i = 0; i < known.size(); ++i) {
    const std::string theirs = known[i]->meta.ShortDebugString();
    const std::string ours = led[i]->region.meta().ShortDebugString();
    if (theirs != ours) return fmt::format("PD knows {} for {}", theirs, ours);
  }
  return "";
}

// Peers that are no members any more.
std::string WhoIsStrange(Cluster& cluster, const std::vector<RegionViewPtr>& led) {
  std::map<RegionId, const RegionView*> by_id;
  for (const RegionViewPtr& view : led) by_id[view->region.id()] = view.get();
  for (auto& node : cluster.stores()) {
    if (!node->IsServing()) return node->host() + " does not run";
    for (const RegionViewPtr& view : node->core().index().All()) {
      const auto leader = by_id.find(view->region.id());
      if (leader == by_id.end() ||
          leader->second->region.FindPeer(PeerId(view->self.id())) == nullptr) {
        return fmt::format("{} has a stranger: {}", node->host(),
                           view->region.meta().ShortDebugString());
      }
    }
  }
  return "";
}

Rows RowsOn(StoreNode& node, const KeyRange& range) {
  Rows rows;
  engine::ReadOptions options;
  options.bounds = range;
  const auto it = node.disk().engine.NewIterator(engine::ColumnFamily::kDefault, options);
  for (it->SeekToFirst(); it->Valid(); it->Next()) rows.emplace(it->key(), it->value());
  CHECK_OK(it->status());
  return rows;
}

}  // namespace

std::string WhatIsUnsettled(Cluster& cluster) {
  const std::vector<RegionViewPtr> led = cluster.Led();
  std::string end;
  for (const RegionViewPtr& view : led) {
    const store::Region& region = view->region;
    if (region.range().start != end) return "no leader from " + end;
    end = region.range().end;
    if (region.InJointState()) return fmt::format("region {} is in joint state", region.id());
    for (const metapb::Peer& peer : region.meta().peers()) {
      std::string behind = WhatIsBehind(cluster, *view, peer);
      if (!behind.empty()) return behind;
    }
  }
  if (led.empty() || !end.empty()) return "no leader from " + end;
  if (std::string strange = WhoIsStrange(cluster, led); !strange.empty()) return strange;
  return WhatPdMisses(cluster, led);
}

void CheckReplicas(Cluster& cluster) {
  for (const RegionViewPtr& leader : cluster.Led()) {
    const KeyRange& range = leader->region.range();
    const Rows rows = RowsOn(*cluster.StoreOf(StoreId(leader->self.store_id())), range);
    for (const metapb::Peer& peer : leader->region.meta().peers()) {
      if (RowsOn(*cluster.StoreOf(StoreId(peer.store_id())), range) == rows) continue;
      cluster.violations().Add(fmt::format("region {}: stores {} and {} hold different data",
                                           leader->region.id(), leader->self.store_id(),
                                           peer.store_id()));
    }
  }
  for (auto& node : cluster.stores()) {
    for (const auto& [key, value] : RowsOn(*node, KeyRange{})) {
      if (node->core().index().FindByKey(key) != nullptr) continue;
      cluster.violations().Add(node->host() + " holds a key of none of its regions");
      break;
    }
  }
}

}  // namespace flotilla::sim
