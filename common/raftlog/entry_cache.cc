#include "common/raftlog/entry_cache.h"

#include <algorithm>

#include "common/base/check.h"

namespace flotilla::raftlog {
namespace {

// What an entry takes in memory, about.
uint64_t CostOf(const raft::Entry& entry) {
  return sizeof(raft::Entry) + sizeof(uint64_t) + entry.data.size();
}

}  // namespace

void EntryCache::Append(RegionId region_id, const std::vector<raft::Entry>& entries) {
  if (entries.empty()) return;
  Group& group = groups_[region_id];
  std::optional<uint64_t> old_age;
  if (!group.ages.empty()) old_age = group.ages.front();

  const Index first = entries.front().index;
  while (!group.entries.empty() && group.entries.back().index >= first) PopBack(group);
  if (!group.entries.empty() && group.entries.back().index + 1 != first) {
    while (!group.entries.empty()) PopBack(group);
  }
  const uint64_t age = next_age_++;
  for (const raft::Entry& entry : entries) {
    group.entries.push_back(entry);
    group.ages.push_back(age);
    bytes_ += CostOf(entry);
  }
  Reorder(region_id, old_age);
  while (bytes_ > capacity_bytes_) EvictOldest();
}

void EntryCache::TruncateTo(RegionId region_id, Index index) {
  const auto it = groups_.find(region_id);
  if (it == groups_.end()) return;
  Group& group = it->second;
  const uint64_t old_age = group.ages.front();
  while (!group.entries.empty() && group.entries.front().index <= index) PopFront(group);
  Reorder(region_id, old_age);
}

void EntryCache::Drop(RegionId region_id) {
  const auto it = groups_.find(region_id);
  if (it == groups_.end()) return;
  Group& group = it->second;
  const uint64_t old_age = group.ages.front();
  while (!group.entries.empty()) PopBack(group);
  Reorder(region_id, old_age);
}

std::vector<raft::Entry> EntryCache::Entries(RegionId region_id, Index low, Index high,
                                             uint64_t max_bytes) const {
  std::vector<raft::Entry> found;
  const auto it = groups_.find(region_id);
  if (it == groups_.end()) return found;
  const std::deque<raft::Entry>& entries = it->second.entries;
  if (low < entries.front().index || low > entries.back().index) return found;

  uint64_t bytes = 0;
  const Index end = std::min(high, entries.back().index + 1);
  found.reserve(std::min<uint64_t>(end - low, 1024));
  for (size_t i = low - entries.front().index; i < entries.size(); ++i) {
    const raft::Entry& entry = entries[i];
    if (entry.index >= end) break;
    bytes += entry.data.size();
    if (!found.empty() && bytes > max_bytes) break;
    found.push_back(entry);
  }
  return found;
}

std::optional<Term> EntryCache::TermAt(RegionId region_id, Index index) const {
  const raft::Entry* entry = Find(region_id, index);
  if (entry == nullptr) return std::nullopt;
  return entry->term;
}

std::optional<Index> EntryCache::FirstIndex(RegionId region_id) const {
  const auto it = groups_.find(region_id);
  if (it == groups_.end()) return std::nullopt;
  return it->second.entries.front().index;
}

const raft::Entry* EntryCache::Find(RegionId region_id, Index index) const {
  const auto it = groups_.find(region_id);
  if (it == groups_.end()) return nullptr;
  const std::deque<raft::Entry>& entries = it->second.entries;
  if (index < entries.front().index || index > entries.back().index) return nullptr;
  return &entries[index - entries.front().index];
}

void EntryCache::PopFront(Group& group) {
  bytes_ -= CostOf(group.entries.front());
  group.entries.pop_front();
  group.ages.pop_front();
}

void EntryCache::PopBack(Group& group) {
  bytes_ -= CostOf(group.entries.back());
  group.entries.pop_back();
  group.ages.pop_back();
}

void EntryCache::Reorder(RegionId region_id, std::optional<uint64_t> old_age) {
  const auto it = groups_.find(region_id);
  CHECK(it != groups_.end()) << "region " << region_id;
  const bool is_empty = it->second.entries.empty();
  if (!is_empty && old_age == it->second.ages.front()) return;
  if (old_age) by_age_.erase(*old_age);
  if (is_empty) {
    groups_.erase(it);
  } else {
    by_age_.emplace(it->second.ages.front(), region_id);
  }
}

void EntryCache::EvictOldest() {
  CHECK(!by_age_.empty()) << bytes_ << " bytes without an entry";
  const auto [age, region_id] = *by_age_.begin();
  Group& group = groups_.at(region_id);
  while (!group.entries.empty() && group.ages.front() == age && bytes_ > capacity_bytes_) {
    PopFront(group);
  }
  Reorder(region_id, age);
}

}  // namespace flotilla::raftlog
