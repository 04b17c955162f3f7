#include "store/region/region_index.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace flotilla::store {
namespace {

// A split makes at most this many regions that a client is told of at once.
constexpr size_t kMaxSiblings = 16;

using ByStart = std::map<std::string, RegionViewPtr, std::less<>>;

// The first region whose range could hold `key` or lies after it.
ByStart::const_iterator FirstCandidate(const ByStart& by_start, std::string_view key) {
  auto it = by_start.upper_bound(key);
  return it == by_start.begin() ? it : std::prev(it);
}

}  // namespace

RegionViewPtr RegionIndex::Find(RegionId region_id) const {
  MutexLock lock(mutex_);
  const auto it = by_id_.find(region_id);
  return it == by_id_.end() ? nullptr : it->second;
}

RegionViewPtr RegionIndex::FindByKey(std::string_view engine_key) const {
  MutexLock lock(mutex_);
  const auto it = FirstCandidate(by_start_, engine_key);
  if (it == by_start_.end() || !it->second->region.range().Contains(engine_key)) return nullptr;
  return it->second;
}

std::vector<RegionViewPtr> RegionIndex::Overlapping(const KeyRange& range, size_t limit) const {
  std::vector<RegionViewPtr> found;
  MutexLock lock(mutex_);
  for (auto it = FirstCandidate(by_start_, range.start); it != by_start_.end(); ++it) {
    if (found.size() >= limit || (!range.end.empty() && it->first >= range.end)) break;
    if (it->second->region.range().Overlaps(range)) found.push_back(it->second);
  }
  return found;
}

std::vector<RegionViewPtr> RegionIndex::All() const {
  std::vector<RegionViewPtr> all;
  MutexLock lock(mutex_);
  all.reserve(by_start_.size());
  for (const auto& [start, view] : by_start_) all.push_back(view);
  return all;
}

size_t RegionIndex::size() const {
  MutexLock lock(mutex_);
  return by_id_.size();
}

void RegionIndex::Put(std::vector<RegionViewPtr> views) {
  MutexLock lock(mutex_);
  for (const auto& view : views) {
    const auto old = by_id_.find(view->region.id());
    if (old != by_id_.end()) by_start_.erase(old->second->region.range().start);
  }
  for (auto& view : views) {
    const KeyRange& range = view->region.range();
    const auto next = by_start_.lower_bound(range.start);
    CHECK(next == by_start_.end() || !next->second->region.range().Overlaps(range))
        << "region " << view->region.id() << " overlaps region " << next->second->region.id();
    CHECK(next == by_start_.begin() || !std::prev(next)->second->region.range().Overlaps(range))
        << "region " << view->region.id() << " overlaps region "
        << std::prev(next)->second->region.id();
    by_start_.insert_or_assign(range.start, view);
    by_id_.insert_or_assign(view->region.id(), std::move(view));
  }
}

void RegionIndex::Remove(RegionId region_id) {
  MutexLock lock(mutex_);
  const auto it = by_id_.find(region_id);
  if (it == by_id_.end()) return;
  by_start_.erase(it->second->region.range().start);
  by_id_.erase(it);
}

bool RegionIndex::Reserve(RegionId region_id, const KeyRange& range) {
  MutexLock lock(mutex_);
  for (const auto& [other, reserved] : reserved_) {
    if (other != region_id && reserved.Overlaps(range)) return false;
  }
  for (auto it = FirstCandidate(by_start_, range.start); it != by_start_.end(); ++it) {
    if (!range.end.empty() && it->first >= range.end) break;
    const Region& held = it->second->region;
    if (held.id() != region_id && held.range().Overlaps(range)) return false;
  }
  reserved_.insert_or_assign(region_id, range);
  return true;
}

void RegionIndex::Release(RegionId region_id) {
  MutexLock lock(mutex_);
  reserved_.erase(region_id);
}

std::vector<metapb::Region> RegionIndex::WithSiblings(const RegionView& view) const {
  std::vector<metapb::Region> regions = {view.region.meta()};
  MutexLock lock(mutex_);
  auto it = by_start_.find(view.region.range().start);
  while (it != by_start_.end() && it != by_start_.begin() && regions.size() < kMaxSiblings) {
    const std::string end = it->first;
    --it;
    const Region& left = it->second->region;
    if (left.range().end != end || left.version() != view.region.version()) break;
    regions.push_back(left.meta());
  }
  std::reverse(regions.begin(), regions.end());
  return regions;
}

}  // namespace flotilla::store
