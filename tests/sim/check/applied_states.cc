#include "tests/sim/check/applied_states.h"

#include <spdlog/fmt/fmt.h>

#include "common/base/check.h"
#include "common/base/checksum.h"
#include "store/region/region_storage.h"

namespace flotilla::sim {
namespace {

// It reads everything: not each time.
constexpr uint64_t kEvery = 20;

// Of the region as its replica knows it, and of its keys.
uint64_t HashOf(StoreNode& node, const metapb::Region& region) {
  uint64_t hash = Xxh3(region.SerializeAsString());
  engine::ReadOptions options;
  options.bounds = {region.start_key(), region.end_key()};
  const auto it = node.disk().engine.NewIterator(engine::ColumnFamily::kDefault, options);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    hash = hash * 31 + Xxh3(it->key());
    hash = hash * 31 + Xxh3(it->value());
  }
  CHECK_OK(it->status());
  return hash;
}

}  // namespace

void AppliedStates::Look(Cluster& cluster) {
  if (++looks_ % kEvery != 0) return;
  for (auto& node : cluster.stores()) {
    // What is damaged is for the product to find.
    if (node->IsServing() && !node->IsDamaged()) LookAt(cluster, *node);
  }
}

void AppliedStates::LookAt(Cluster& cluster, StoreNode& node) {
  const auto regions = store::LoadRegions(node.disk().engine);
  CHECK_OK(regions.status());
  for (const store::PersistedRegion& region : *regions) {
    if (region.state.kind != store::RegionState::Kind::kNormal) continue;
    const RegionId id(region.state.region.id());
    cluster.logs().OnApplied(node.id(), id, region.applied);
    const State state{node.id(), HashOf(node, region.state.region)};
    const auto [known, is_new] = states_.emplace(std::pair(id, region.applied.index), state);
    if (is_new || known->second.hash == state.hash) continue;
    cluster.violations().Add(
        fmt::format("applied states: region {} at {} is on store {} another one than on store {}",
                    id, region.applied.index, node.id(), known->second.store));
  }
}

}  // namespace flotilla::sim
