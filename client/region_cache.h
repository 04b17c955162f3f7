// The routes that the client believes in, ordered by start key.
//
// Nothing here is authoritative: a store refuses a request whose epoch or leader is wrong, and says
// in the refusal what it knows; the cache is repaired from that, and asks PD only when it has to.
// Ranges and lookups are in request keys (key_codec.h).
//
// A route that is forgotten or too old is kept, and not believed, until another takes its place:
// when PD is away, it is better than none.
//
// Invariants: cached ranges do not overlap; a region that is believed never gives way to an older
// epoch of itself.
// Thread-safe; one short lock, no I/O.
#ifndef FLOTILLA_CLIENT_REGION_CACHE_H_
#define FLOTILLA_CLIENT_REGION_CACHE_H_

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "client/route.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/random.h"

namespace flotilla::client {

// One region's route as it was learnt. Immutable but for which peer to ask and how long it is
// believed, so that requests under way hold it without a lock.
class CachedRegion {
 public:
  // REQUIRES: route.peers is not empty.
  CachedRegion(RegionRoute route, env::Instant expires);

  RegionId id() const { return route_.id; }
  const RegionEpoch& epoch() const { return route_.epoch; }
  const KeyRange& range() const { return route_.range; }
  const RegionRoute& route() const { return route_; }
  bool IsFresh(env::Instant now) const {
    return now.time_since_epoch() < env::Duration(expires_.load(std::memory_order_relaxed));
  }
  void ExpireAt(env::Instant at) const {
    expires_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
  }

  // The peer to ask: the leader as far as known, else the next candidate.
  const PeerRoute& target() const { return route_.peers[target_.load(std::memory_order_relaxed)]; }
  // False when `peer` is not one of this route's: the route is stale.
  bool SwitchTo(PeerId peer) const;
  // Turns to the next peer that can lead, unless another request did so already and the target is
  // no longer `failed`.
  void SwitchFrom(PeerId failed) const;

 private:
  const RegionRoute route_;
  mutable std::atomic<env::Duration::rep> expires_;  // Since the clock's epoch.
  mutable std::atomic<uint32_t> target_;
};

using RegionRef = std::shared_ptr<const CachedRegion>;

class RegionCache {
 public:
  struct Options {
    // A route that is never refused is still asked for again after this time, up to a tenth more so
    // that not all routes go at once.
    env::Duration ttl = std::chrono::seconds(600);
    // Regions that are kept at most; beyond it, neighbours of the newest are forgotten.
    size_t max_regions = 200'000;
  };

  RegionCache(const env::Clock* clock, env::Random random, Options options);

  // The region with start <= key < end, or null.
  RegionRef Find(std::string_view key) const;
  // The region with start < key <= end, for going down from an exclusive upper bound; an empty key
  // is the end of the key space. Or null.
  RegionRef FindBefore(std::string_view key) const;

  // Takes `route` in and forgets what it overlaps, unless the cache knows a newer epoch of the same
  // region, which is kept and returned instead. Returns what is now believed of this region.
  // REQUIRES: route.peers is not empty.
  RegionRef Insert(RegionRoute route);

  // No longer believes `region`.
  void Invalidate(const CachedRegion& region);
  // Believes for a minute what was last known of a position, as for Find and FindBefore; null:
  // nothing was.
  RegionRef Revive(std::string_view key);
  RegionRef ReviveBefore(std::string_view key);
  // Forgets everything.
  void Clear();

  size_t size() const;

 private:
  using Map = absl::btree_map<std::string, RegionRef>;

  RegionRef Fresh(RegionRef region) const;
  RegionRef Revived(RegionRef region) const;
  // Believed or not; null: none.
  RegionRef Known(std::string_view key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  RegionRef KnownBefore(std::string_view key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EraseOverlapping(const KeyRange& range) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Erase(Map::iterator position) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EvictNear(const std::string& start) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const env::Clock* const clock_;
  const Options options_;
  mutable Mutex mutex_;
  env::Random random_ ABSL_GUARDED_BY(mutex_);
  Map by_start_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<RegionId, RegionRef> by_id_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_REGION_CACHE_H_
