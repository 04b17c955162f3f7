// The regions that this store serves, by id and by key: the only structure that its threads share.
//
// Written by raft workers when a region appears, changes or goes; read by every request. A reader
// takes a RegionView, which never changes, and checks the request against it without a lock.
//
// Thread-safe. Invariant: the ranges of the regions do not overlap, at any moment; a split replaces
// the parent and adds the children at once, so that no key is without a region in between.
#ifndef FLOTILLA_STORE_REGION_REGION_INDEX_H_
#define FLOTILLA_STORE_REGION_REGION_INDEX_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/ids.h"
#include "common/base/key_range.h"
#include "common/base/mutex.h"
#include "common/multiraft/lease.h"
#include "store/region/region.h"

namespace flotilla::store {

// What went through a peer since it was started; for heartbeats and split checks.
struct PeerTraffic {
  std::atomic<uint64_t> bytes_written{0};
  std::atomic<uint64_t> keys_written{0};
  std::atomic<uint64_t> bytes_read{0};
  std::atomic<uint64_t> keys_read{0};
};

// What a peer's stages publish to reading threads. Outlives all views of the peer.
//
// Why a lease is not enough to answer a read, and what is:
//  1. A split is applied here, and the index does not show it yet. A child may get its own leader
//     on another store from now on (not earlier: no follower applies an entry before its leader
//     did), so the parent's lease says nothing of the child's keys. So `applied_version` changes
//     before the split can be seen in the engine, and a reader compares it with its view's.
//  2. A peer that is removed, or that installs a snapshot, deletes its data while a reader that was
//     admitted before may still be at it. So `applied_version` is kNoVersion while that goes on,
//     `generation` changes, and a reader looks at it again after it has read.
struct PublishedPeer {
  static constexpr uint64_t kNoVersion = 0;

  multiraft::LeaderLease lease;
  std::atomic<uint64_t> applied_version{kNoVersion};
  std::atomic<uint64_t> generation{0};
  // As the raft worker saw them last; hints.
  std::atomic<uint64_t> leader{0};
  std::atomic<uint64_t> term{0};
  PeerTraffic traffic;
  // As of the last split check; 0 before it.
  std::atomic<uint64_t> approximate_bytes{0};
  std::atomic<uint64_t> approximate_keys{0};

  // The data are about to become incomplete, or another region's.
  void Unpublish() {
    applied_version.store(kNoVersion);
    generation.fetch_add(1);
  }
  // The data are those of the region at `version`. Called before that can be seen in the engine, or
  // after they are complete again.
  void Publish(uint64_t version) {
    applied_version.store(version);
    generation.fetch_add(1);
  }
};

struct RegionView {
  Region region;
  metapb::Peer self;  // This store's peer.
  std::shared_ptr<PublishedPeer> peer;
};
using RegionViewPtr = std::shared_ptr<const RegionView>;

class RegionIndex {
 public:
  // Null when this store has no such region.
  RegionViewPtr Find(RegionId region_id) const;
  // The region that holds an engine key; null when none does.
  RegionViewPtr FindByKey(std::string_view engine_key) const;
  // Regions that overlap `range`, in key order, at most `limit` of them.
  std::vector<RegionViewPtr> Overlapping(const KeyRange& range, size_t limit = SIZE_MAX) const;
  // All regions in key order.
  std::vector<RegionViewPtr> All() const;
  size_t size() const;

  // Puts the views in the place of those with the same ids, at once; views whose id is new are
  // added. REQUIRES: afterwards no two regions overlap.
  void Put(std::vector<RegionViewPtr> views);
  void Remove(RegionId region_id);

  // Keeps `range` for a region that is about to take it by a snapshot: no other region may reserve
  // or hold any of it until Release. A region has one reservation; a new one replaces it. False
  // when another region holds or reserves some of it.
  [[nodiscard]] bool Reserve(RegionId region_id, const KeyRange& range);
  void Release(RegionId region_id);

  // `view`'s region and, to its left, those that came out of the same split: what a client that
  // knows an older version should learn.
  std::vector<metapb::Region> WithSiblings(const RegionView& view) const;

 private:
  mutable Mutex mutex_;
  absl::flat_hash_map<RegionId, RegionViewPtr> by_id_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, RegionViewPtr, std::less<>> by_start_ ABSL_GUARDED_BY(mutex_);
  std::map<RegionId, KeyRange> reserved_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_REGION_INDEX_H_
