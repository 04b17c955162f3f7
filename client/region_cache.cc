#include "client/region_cache.h"

#include <iterator>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace flotilla::client {
namespace {

constexpr env::Duration kRevival = std::chrono::minutes(1);

uint32_t FirstTarget(const RegionRoute& route) {
  CHECK(!route.peers.empty()) << "region " << route.id;
  uint32_t candidate = 0;
  for (uint32_t i = route.peers.size(); i-- > 0;) {
    if (route.peers[i].id == route.leader) return i;
    if (route.peers[i].can_lead) candidate = i;
  }
  return candidate;
}

}  // namespace

CachedRegion::CachedRegion(RegionRoute route, env::Instant expires)
    : route_(std::move(route)),
      expires_(expires.time_since_epoch().count()),
      target_(FirstTarget(route_)) {}

bool CachedRegion::SwitchTo(PeerId peer) const {
  for (uint32_t i = 0; i < route_.peers.size(); ++i) {
    if (route_.peers[i].id != peer) continue;
    target_.store(i, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void CachedRegion::SwitchFrom(PeerId failed) const {
  uint32_t current = target_.load(std::memory_order_relaxed);
  if (route_.peers[current].id != failed) return;
  const uint32_t count = route_.peers.size();
  for (uint32_t step = 1; step < count; ++step) {
    const uint32_t next = (current + step) % count;
    if (!route_.peers[next].can_lead) continue;
    target_.compare_exchange_strong(current, next, std::memory_order_relaxed);
    return;
  }
}

RegionCache::RegionCache(const env::Clock* clock, env::Random random, Options options)
    : clock_(clock), options_(options), random_(random) {
  CHECK_GT(options_.max_regions, 1u);
}

RegionRef RegionCache::Fresh(RegionRef region) const {
  return region != nullptr && region->IsFresh(clock_->Now()) ? region : nullptr;
}

RegionRef RegionCache::Revived(RegionRef region) const {
  if (region != nullptr) region->ExpireAt(clock_->Now() + kRevival);
  return region;
}

RegionRef RegionCache::Known(std::string_view key) const {
  auto next = by_start_.upper_bound(ToAbsl(key));
  if (next == by_start_.begin()) return nullptr;
  const RegionRef& region = std::prev(next)->second;
  return region->range().Contains(key) ? region : nullptr;
}

RegionRef RegionCache::KnownBefore(std::string_view key) const {
  auto next = key.empty() ? by_start_.end() : by_start_.lower_bound(ToAbsl(key));
  if (next == by_start_.begin()) return nullptr;
  const RegionRef& region = std::prev(next)->second;
  const std::string& end = region->range().end;
  return end.empty() || (!key.empty() && key <= end) ? region : nullptr;
}

RegionRef RegionCache::Find(std::string_view key) const {
  MutexLock lock(mutex_);
  return Fresh(Known(key));
}

RegionRef RegionCache::FindBefore(std::string_view key) const {
  MutexLock lock(mutex_);
  return Fresh(KnownBefore(key));
}

RegionRef RegionCache::Revive(std::string_view key) {
  MutexLock lock(mutex_);
  return Revived(Known(key));
}

RegionRef RegionCache::ReviveBefore(std::string_view key) {
  MutexLock lock(mutex_);
  return Revived(KnownBefore(key));
}

RegionRef RegionCache::Insert(RegionRoute route) {
  MutexLock lock(mutex_);
  if (auto known = by_id_.find(route.id); known != by_id_.end() &&
                                          Fresh(known->second) != nullptr &&
                                          route.epoch.IsOlderThan(known->second->epoch())) {
    return known->second;
  }
  const int64_t spread = options_.ttl.count() / 10 + 1;
  const env::Duration jitter(static_cast<int64_t>(random_.Uniform(spread)));
  auto region =
      std::make_shared<const CachedRegion>(std::move(route), clock_->Now() + options_.ttl + jitter);
  if (auto known = by_id_.find(region->id()); known != by_id_.end()) {
    Erase(by_start_.find(known->second->range().start));
  }
  EraseOverlapping(region->range());
  by_id_[region->id()] = region;
  by_start_[region->range().start] = region;
  if (by_start_.size() > options_.max_regions) EvictNear(region->range().start);
  return region;
}

void RegionCache::EraseOverlapping(const KeyRange& range) {
  auto it = by_start_.upper_bound(range.start);
  if (it != by_start_.begin() && std::prev(it)->second->range().Overlaps(range)) --it;
  while (it != by_start_.end() && it->second->range().Overlaps(range)) {
    by_id_.erase(it->second->id());
    it = by_start_.erase(it);
  }
}

void RegionCache::Erase(Map::iterator position) {
  CHECK(position != by_start_.end()) << "a region by id that is not there by start key";
  by_id_.erase(position->second->id());
  by_start_.erase(position);
}

void RegionCache::EvictNear(const std::string& start) {
  auto it = by_start_.upper_bound(start);
  if (it == by_start_.end()) it = by_start_.begin();
  Erase(it);
}

void RegionCache::Invalidate(const CachedRegion& region) { region.ExpireAt(clock_->Now()); }

void RegionCache::Clear() {
  MutexLock lock(mutex_);
  by_start_.clear();
  by_id_.clear();
}

size_t RegionCache::size() const {
  MutexLock lock(mutex_);
  return by_start_.size();
}

}  // namespace flotilla::client
