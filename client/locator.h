// Finds the region of a key and the connection to a store: from the caches at once, else from PD,
// and if PD is away from what was believed last.
//
// Thread-safe. Loads of regions are limited to a few at a time: when a thousand operations miss
// together, the first answers serve most of those that wait. Waiters are bounded by the operations
// in flight.
#ifndef FLOTILLA_CLIENT_LOCATOR_H_
#define FLOTILLA_CLIENT_LOCATOR_H_

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "client/client_metrics.h"
#include "client/key_codec.h"
#include "client/region_cache.h"
#include "client/store_rpc.h"
#include "common/base/mutex.h"
#include "common/pdclient/pd_client.h"

namespace flotilla::client {

class Locator {
 public:
  using RegionCallback = absl::AnyInvocable<void(absl::StatusOr<RegionRef>) &&>;
  using ConnectionCallback =
      absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<StoreConnection>>) &&>;

  // A position in the key space. `before`: the region that ends at or after `key` and starts before
  // it is meant, for going down; else the one that holds `key`.
  struct Position {
    std::string_view key;
    bool before = false;
  };

  Locator(KeyCodec codec, RegionCache* cache, pdclient::PdClient* pd, StoreConnector* connector,
          ClientMetrics* metrics);

  const KeyCodec& codec() const { return codec_; }
  RegionCache& cache() { return *cache_; }

  // From the cache, or null.
  RegionRef Find(Position position) const;
  // From PD, unless the cache has it by then. The callback may run before Load returns.
  void Load(Position position, RegionCallback callback);

  std::shared_ptr<StoreConnection> FindStore(StoreId id) const;
  void LoadStore(StoreId id, ConnectionCallback callback);
  // The address may have changed: the next one to ask goes to PD.
  void ForgetStore(StoreId id);

  // Takes in what a store says of regions; ranges are region keys. Regions without peers, and those
  // whose boundaries are malformed, are left out.
  void Learn(std::vector<RegionRoute> regions, StoreId leader_store);

 private:
  struct Waiter {
    std::string key;
    bool before;
    RegionCallback callback;
  };
  struct KnownStore {
    std::string address;
    std::shared_ptr<StoreConnection> connection;
    bool is_suspect = false;
  };

  void StartLoads();
  void StartLoad(Waiter waiter);
  void OnLoaded(Waiter waiter, absl::StatusOr<pdpb::Region> region);
  void OnLoadFailed(Waiter waiter, absl::Status error);
  void Complete(Waiter waiter, absl::StatusOr<RegionRef> region);
  absl::StatusOr<std::shared_ptr<StoreConnection>> OnStoreLoaded(
      StoreId id, const absl::StatusOr<metapb::Store>& store);
  // What is believed of the region that PD named for `waiter`; it holds the position.
  absl::StatusOr<RegionRef> Insert(const Waiter& waiter, const pdpb::Region& region);

  const KeyCodec codec_;
  RegionCache* const cache_;
  pdclient::PdClient* const pd_;
  StoreConnector* const connector_;
  ClientMetrics* const metrics_;

  mutable Mutex mutex_;
  int loads_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<StoreId, KnownStore> stores_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_LOCATOR_H_
