#include "pd/cluster/region_tree.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/planted_bugs.h"

namespace flotilla::pd {
namespace {

bool SamePeers(const metapb::Region& a, const metapb::Region& b) {
  if (a.peers_size() != b.peers_size()) return false;
  for (int i = 0; i < a.peers_size(); ++i) {
    const metapb::Peer& x = a.peers(i);
    const metapb::Peer& y = b.peers(i);
    if (x.id() != y.id() || x.store_id() != y.store_id() || x.role() != y.role()) return false;
  }
  return true;
}

bool SameMeta(const metapb::Region& a, const metapb::Region& b) {
  return a.start_key() == b.start_key() && a.end_key() == b.end_key() &&
         a.region_epoch().version() == b.region_epoch().version() &&
         a.region_epoch().conf_ver() == b.region_epoch().conf_ver() && SamePeers(a, b);
}

absl::Status Stale(const RegionInfo& region, const RegionInfo& known) {
  return absl::FailedPreconditionError(absl::StrCat("stale report of ", DescribeRegion(region.meta),
                                                    ", known is ", DescribeRegion(known.meta)));
}

}  // namespace

absl::Status RegionTree::CheckFresh(const RegionInfo& region, const RegionPtr& origin,
                                    const std::vector<RegionPtr>& overlaps) const {
  if (Planted(Bug::kOlderReportTaken)) return absl::OkStatus();
  if (origin != nullptr) {
    if (region.version() < origin->version() || region.conf_ver() < origin->conf_ver()) {
      return Stale(region, *origin);
    }
    if (region.version() == origin->version() && region.conf_ver() == origin->conf_ver() &&
        region.term < origin->term) {
      return absl::FailedPreconditionError(
          absl::StrCat(DescribeRegion(region.meta), " reported by the leader of term ", region.term,
                       ", known is a leader of term ", origin->term));
    }
  }
  for (const RegionPtr& other : overlaps) {
    if (other->version() > region.version()) return Stale(region, *other);
  }
  return absl::OkStatus();
}

absl::StatusOr<RegionTree::PutOutcome> RegionTree::Put(RegionPtr region) {
  const RegionPtr origin = Find(region->id());
  std::vector<RegionPtr> overlaps = Scan({region->start(), region->end()}, 0);
  std::erase_if(overlaps, [&](const RegionPtr& other) { return other->id() == region->id(); });
  if (absl::Status status = CheckFresh(*region, origin, overlaps); !status.ok()) return status;

  PutOutcome outcome;
  outcome.meta_changed = origin == nullptr || !SameMeta(origin->meta, region->meta);
  if (origin != nullptr) Erase(origin);
  for (const RegionPtr& other : overlaps) {
    Erase(other);
    outcome.removed.push_back(other->id());
  }
  Insert(region);
  return outcome;
}

RegionPtr RegionTree::Find(RegionId id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

RegionPtr RegionTree::FindByKey(std::string_view key) const {
  auto it = by_start_.upper_bound(std::string(key));
  if (it == by_start_.begin()) return nullptr;
  --it;
  const RegionPtr& region = it->second;
  return region->end().empty() || key < region->end() ? region : nullptr;
}

RegionPtr RegionTree::FindPrevious(std::string_view key) const {
  const RegionPtr current = FindByKey(key);
  if (current == nullptr || current->start().empty()) return nullptr;
  auto it = by_start_.find(current->start());
  if (it == by_start_.begin()) return nullptr;
  --it;
  // A hole between the two means that the neighbour is not known.
  return it->second->end() == current->start() ? it->second : nullptr;
}

std::vector<RegionPtr> RegionTree::Scan(const KeyRange& range, size_t limit) const {
  std::vector<RegionPtr> found;
  auto it = by_start_.upper_bound(range.start);
  if (it != by_start_.begin()) {
    const auto before = std::prev(it);
    if (before->second->end().empty() || before->second->end() > range.start) it = before;
  }
  for (; it != by_start_.end(); ++it) {
    if (!range.end.empty() && it->first >= range.end) break;
    found.push_back(it->second);
    if (limit != 0 && found.size() >= limit) break;
  }
  return found;
}

std::vector<RegionPtr> RegionTree::NextById(RegionId after, size_t limit) const {
  std::vector<RegionPtr> found;
  for (auto it = by_id_.upper_bound(after); it != by_id_.end() && found.size() < limit; ++it) {
    found.push_back(it->second);
  }
  return found;
}

int RegionTree::PeerCount(StoreId store) const {
  const auto it = counts_.find(store);
  return it == counts_.end() ? 0 : it->second.peers;
}

int RegionTree::LeaderCount(StoreId store) const {
  const auto it = counts_.find(store);
  return it == counts_.end() ? 0 : it->second.leaders;
}

void RegionTree::Insert(const RegionPtr& region) {
  const bool new_start = by_start_.emplace(region->start(), region).second;
  const bool new_id = by_id_.emplace(region->id(), region).second;
  CHECK(new_start && new_id) << DescribeRegion(region->meta) << " overlaps what is in the tree";
  Count(*region, 1);
}

void RegionTree::Erase(const RegionPtr& region) {
  by_start_.erase(region->start());
  by_id_.erase(region->id());
  Count(*region, -1);
}

void RegionTree::Count(const RegionInfo& region, int delta) {
  for (const metapb::Peer& peer : region.meta.peers()) {
    counts_[StoreId(peer.store_id())].peers += delta;
  }
  if (region.HasLeader()) {
    counts_[region.leader_store()].leaders += delta;
    led_count_ += delta;
  }
}

}  // namespace flotilla::pd
