// The leader's view of stores and regions: built from the stored metadata when a leadership begins,
// kept by heartbeats, gone when it ends. Leaders of regions and figures live only here.
//
// Thread-safe: one mutex. RPC threads, the leadership stage and schedulers share it.
#ifndef FLOTILLA_PD_CLUSTER_CLUSTER_H_
#define FLOTILLA_PD_CLUSTER_CLUSTER_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "pd/cluster/region_tree.h"
#include "pd/cluster/store_info.h"

namespace flotilla::pd {

using StoreMap = absl::btree_map<StoreId, StoreInfo>;

// What schedulers and checkers decide by: pure functions of it.
struct ClusterView {
  env::Instant now;
  const StoreMap& stores;
  const RegionTree& regions;
};

class Cluster {
 public:
  // A store that was silent for `store_down_after` is taken for lost.
  explicit Cluster(const env::Clock* clock, env::Duration store_down_after = kStoreDownAfter)
      : clock_(clock), store_down_after_(store_down_after) {}

  // --- Stores -----------------------------------------------------------------------------------
  // May it register? AlreadyExists: its id was heard of lately at another address, so that either
  // it moved a moment ago, or a second process runs with a copy of its data.
  absl::Status CheckAddress(const metapb::Store& meta) const;
  // Adds the store or replaces what it registered; its heartbeats are kept.
  void PutStore(const metapb::Store& meta);
  std::optional<StoreInfo> GetStore(StoreId id) const;
  std::vector<StoreInfo> Stores() const;
  // NotFound: the store is not registered.
  absl::Status OnStoreHeartbeat(const pdpb::StoreStats& stats);

  // --- Regions ----------------------------------------------------------------------------------
  struct RegionUpdate {
    // The metadata must be stored: it is new, or an earlier attempt is not known to have succeeded.
    bool must_save = false;
    std::vector<RegionId> removed;
  };
  // Takes a report in. FailedPrecondition: it is older than what is known, and ignored.
  absl::StatusOr<RegionUpdate> PutRegion(RegionPtr region);
  // From the stored metadata: nothing has to be saved. Of overlapping regions the newest stands.
  void LoadRegion(RegionPtr region);
  // The region's metadata as of this epoch is stored.
  void OnRegionSaved(const metapb::Region& saved);

  RegionPtr GetRegion(RegionId id) const;
  RegionPtr GetRegionByKey(std::string_view key) const;
  RegionPtr GetPreviousRegion(std::string_view key) const;
  std::vector<RegionPtr> ScanRegions(const KeyRange& range, size_t limit) const;
  size_t region_count() const;
  // What the leaders on each store amount to, and the peers.
  int LeaderCount(StoreId store) const;
  int PeerCount(StoreId store) const;

  // Runs `look` under the lock: it must be short and must not call back.
  void WithView(absl::FunctionRef<void(const ClusterView&)> look) const;

 private:
  const env::Clock* const clock_;
  const env::Duration store_down_after_;
  mutable Mutex mutex_;
  StoreMap stores_ ABSL_GUARDED_BY(mutex_);
  RegionTree regions_ ABSL_GUARDED_BY(mutex_);
  absl::btree_set<RegionId> unsaved_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_CLUSTER_CLUSTER_H_
