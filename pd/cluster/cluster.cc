#include "pd/cluster/cluster.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"

namespace flotilla::pd {

absl::Status Cluster::CheckAddress(const metapb::Store& meta) const {
  MutexLock lock(mutex_);
  const auto it = stores_.find(StoreId(meta.id()));
  if (it == stores_.end() || it->second.meta.address() == meta.address()) return absl::OkStatus();
  const env::Duration silent = it->second.SilentFor(clock_->Now());
  if (silent >= kStoreDisconnectedAfter) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "store ", meta.id(), " spoke from ", it->second.meta.address(), " ",
      std::chrono::duration_cast<std::chrono::seconds>(silent).count(), " s ago and may be at ",
      meta.address(), " only once it was silent for ",
      std::chrono::duration_cast<std::chrono::seconds>(kStoreDisconnectedAfter).count(),
      " s: two processes must never run with copies of one data directory"));
}

void Cluster::PutStore(const metapb::Store& meta) {
  MutexLock lock(mutex_);
  const auto [it, added] = stores_.try_emplace(StoreId(meta.id()));
  it->second.meta = meta;
  if (!added) return;
  it->second.known_since = clock_->Now();
  it->second.down_after = store_down_after_;
}

std::optional<StoreInfo> Cluster::GetStore(StoreId id) const {
  MutexLock lock(mutex_);
  const auto it = stores_.find(id);
  if (it == stores_.end()) return std::nullopt;
  return it->second;
}

std::vector<StoreInfo> Cluster::Stores() const {
  MutexLock lock(mutex_);
  std::vector<StoreInfo> all;
  all.reserve(stores_.size());
  for (const auto& [id, store] : stores_) all.push_back(store);
  return all;
}

absl::Status Cluster::OnStoreHeartbeat(const pdpb::StoreStats& stats) {
  MutexLock lock(mutex_);
  const auto it = stores_.find(StoreId(stats.store_id()));
  if (it == stores_.end()) {
    return absl::NotFoundError(absl::StrCat("invalid store ID ", stats.store_id(), ", not found"));
  }
  it->second.stats = stats;
  it->second.last_heartbeat = clock_->Now();
  it->second.last_heartbeat_wall_ms = clock_->WallMillis();
  return absl::OkStatus();
}

absl::StatusOr<Cluster::RegionUpdate> Cluster::PutRegion(RegionPtr region) {
  const RegionId id = region->id();
  MutexLock lock(mutex_);
  absl::StatusOr<RegionTree::PutOutcome> outcome = regions_.Put(std::move(region));
  if (!outcome.ok()) return outcome.status();
  if (outcome->meta_changed) unsaved_.insert(id);
  for (const RegionId removed : outcome->removed) unsaved_.erase(removed);
  return RegionUpdate{unsaved_.contains(id), std::move(outcome->removed)};
}

void Cluster::LoadRegion(RegionPtr region) {
  MutexLock lock(mutex_);
  const absl::Status status = regions_.Put(region).status();
  if (!status.ok()) LOG_INFO("stored region is left out: {}", status.ToString());
}

void Cluster::OnRegionSaved(const metapb::Region& saved) {
  MutexLock lock(mutex_);
  const RegionPtr region = regions_.Find(RegionId(saved.id()));
  // A newer report may have come in while this one was being saved.
  if (region != nullptr && (region->version() != saved.region_epoch().version() ||
                            region->conf_ver() != saved.region_epoch().conf_ver())) {
    return;
  }
  unsaved_.erase(RegionId(saved.id()));
}

RegionPtr Cluster::GetRegion(RegionId id) const {
  MutexLock lock(mutex_);
  return regions_.Find(id);
}

RegionPtr Cluster::GetRegionByKey(std::string_view key) const {
  MutexLock lock(mutex_);
  return regions_.FindByKey(key);
}

RegionPtr Cluster::GetPreviousRegion(std::string_view key) const {
  MutexLock lock(mutex_);
  return regions_.FindPrevious(key);
}

std::vector<RegionPtr> Cluster::ScanRegions(const KeyRange& range, size_t limit) const {
  MutexLock lock(mutex_);
  return regions_.Scan(range, limit);
}

size_t Cluster::region_count() const {
  MutexLock lock(mutex_);
  return regions_.size();
}

int Cluster::LeaderCount(StoreId store) const {
  MutexLock lock(mutex_);
  return regions_.LeaderCount(store);
}

int Cluster::PeerCount(StoreId store) const {
  MutexLock lock(mutex_);
  return regions_.PeerCount(store);
}

void Cluster::WithView(absl::FunctionRef<void(const ClusterView&)> look) const {
  MutexLock lock(mutex_);
  look(ClusterView{clock_->Now(), stores_, regions_});
}

}  // namespace flotilla::pd
