// All regions by key and by id. Ranges never overlap: of two reports that do, the one with the
// newer epoch stands and the other one's region is forgotten until it reports again.
//
// Pure; not thread-safe (Cluster guards it).
#ifndef FLOTILLA_PD_CLUSTER_REGION_TREE_H_
#define FLOTILLA_PD_CLUSTER_REGION_TREE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/base/key_range.h"
#include "pd/cluster/region_info.h"

namespace flotilla::pd {

class RegionTree {
 public:
  struct PutOutcome {
    // Range, epoch or peers are new: worth storing.
    bool meta_changed = false;
    // Regions that this one covers now.
    std::vector<RegionId> removed;
  };

  // Takes a report in. FailedPrecondition, and nothing changes: the report is older than what is
  // known, of this region (epoch, or the same epoch and an older term) or of one that overlaps it.
  absl::StatusOr<PutOutcome> Put(RegionPtr region);

  // Null: none.
  RegionPtr Find(RegionId id) const;
  RegionPtr FindByKey(std::string_view key) const;
  // The region before the one that holds `key`.
  RegionPtr FindPrevious(std::string_view key) const;
  // The regions that overlap `range`, in key order, at most `limit` (0: all).
  std::vector<RegionPtr> Scan(const KeyRange& range, size_t limit) const;
  // At most `limit` regions with ids after `after`, in the order of ids: patrols walk so.
  std::vector<RegionPtr> NextById(RegionId after, size_t limit) const;

  size_t size() const { return by_id_.size(); }
  // Regions whose leader is known.
  size_t led_count() const { return led_count_; }
  // Peers, and leaders, on that store.
  int PeerCount(StoreId store) const;
  int LeaderCount(StoreId store) const;

 private:
  struct Counts {
    int peers = 0;
    int leaders = 0;
  };

  absl::Status CheckFresh(const RegionInfo& region, const RegionPtr& origin,
                          const std::vector<RegionPtr>& overlaps) const;
  void Insert(const RegionPtr& region);
  void Erase(const RegionPtr& region);
  void Count(const RegionInfo& region, int delta);

  absl::btree_map<std::string, RegionPtr> by_start_;
  absl::btree_map<RegionId, RegionPtr> by_id_;
  absl::btree_map<StoreId, Counts> counts_;
  size_t led_count_ = 0;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_CLUSTER_REGION_TREE_H_
