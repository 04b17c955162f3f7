#include "client/locator.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "client/reaction.h"
#include "common/base/status_macros.h"

namespace flotilla::client {
namespace {

constexpr int kMaxLoads = 4;
// Longer than any key, and above all of them: the position of the last region.
constexpr size_t kBeyondKeyBytes = 16 * 1024;

// PD does not answer, as opposed to: it has no answer.
bool IsAway(const absl::Status& error) {
  return absl::IsUnavailable(error) || absl::IsDeadlineExceeded(error);
}

// Position{key, before} lies in `range`.
bool Holds(const KeyRange& range, const std::string& key, bool before) {
  if (!before) return range.Contains(key);
  if (key.empty()) return range.end.empty();
  return range.start < key && (range.end.empty() || key <= range.end);
}

std::string Beyond() { return std::string(kBeyondKeyBytes, '\xff'); }

}  // namespace

Locator::Locator(KeyCodec codec, RegionCache* cache, pdclient::PdClient* pd,
                 StoreConnector* connector, ClientMetrics* metrics)
    : codec_(std::move(codec)), cache_(cache), pd_(pd), connector_(connector), metrics_(metrics) {}

RegionRef Locator::Find(Position position) const {
  return position.before ? cache_->FindBefore(position.key) : cache_->Find(position.key);
}

void Locator::Load(Position position, RegionCallback callback) {
  {
    MutexLock lock(mutex_);
    waiters_.push_back({std::string(position.key), position.before, std::move(callback)});
  }
  StartLoads();
}

// Serves waiters from the cache while it can, and starts a load for the first that it cannot serve.
void Locator::StartLoads() {
  while (true) {
    Waiter waiter;
    {
      MutexLock lock(mutex_);
      if (waiters_.empty() || loads_ >= kMaxLoads) return;
      waiter = std::move(waiters_.front());
      waiters_.pop_front();
      ++loads_;
    }
    if (RegionRef region = Find({waiter.key, waiter.before})) {
      {
        MutexLock lock(mutex_);
        --loads_;
      }
      std::move(waiter.callback)(std::move(region));
      continue;
    }
    StartLoad(std::move(waiter));
  }
}

void Locator::StartLoad(Waiter waiter) {
  metrics_->region_loads.Increment();
  const std::string region_key =
      waiter.before && waiter.key.empty() ? Beyond() : codec_.ToRegionKey(waiter.key);
  pd_->GetRegion(region_key,
                 [this, waiter = std::move(waiter)](absl::StatusOr<pdpb::Region> region) mutable {
                   OnLoaded(std::move(waiter), std::move(region));
                 });
}

void Locator::OnLoaded(Waiter waiter, absl::StatusOr<pdpb::Region> region) {
  if (!region.ok()) return OnLoadFailed(std::move(waiter), region.status());
  const std::string& start = region->region().start_key();
  if (!waiter.before || start.empty() || start != codec_.ToRegionKey(waiter.key)) {
    absl::StatusOr<RegionRef> known = Insert(waiter, *region);
    return Complete(std::move(waiter), std::move(known));
  }
  // The region that holds the upper bound starts with it, so the one before is meant.
  pd_->GetPrevRegion(
      start, [this, waiter = std::move(waiter)](absl::StatusOr<pdpb::Region> previous) mutable {
        if (!previous.ok()) return OnLoadFailed(std::move(waiter), previous.status());
        absl::StatusOr<RegionRef> known = Insert(waiter, *previous);
        Complete(std::move(waiter), std::move(known));
      });
}

// Stores serve what they lead whether PD is there or not.
void Locator::OnLoadFailed(Waiter waiter, absl::Status error) {
  RegionRef last;
  if (IsAway(error)) {
    last = waiter.before ? cache_->ReviveBefore(waiter.key) : cache_->Revive(waiter.key);
  }
  if (last == nullptr) return Complete(std::move(waiter), std::move(error));
  Complete(std::move(waiter), std::move(last));
}

void Locator::Complete(Waiter waiter, absl::StatusOr<RegionRef> region) {
  {
    MutexLock lock(mutex_);
    --loads_;
  }
  std::move(waiter.callback)(std::move(region));
  StartLoads();
}

absl::StatusOr<RegionRef> Locator::Insert(const Waiter& waiter, const pdpb::Region& region) {
  RegionRoute route = ToRoute(region.region(), region.has_leader() ? &region.leader() : nullptr);
  if (route.peers.empty()) {
    return absl::UnavailableError(fmt::format("PD names no peer of region {}", route.id));
  }
  ASSIGN_OR_RETURN(route.range, codec_.ToRequestBounds(route.range));
  RegionRef known = cache_->Insert(route);
  if (Holds(known->range(), waiter.key, waiter.before)) return known;
  // The cache knows the region after a split that PD has not heard of. By PD's route the store is
  // asked, which refuses it and tells what became of the rest. To go on with the region as it is
  // now would pass over that rest.
  return std::make_shared<const CachedRegion>(std::move(route), env::Instant::max());
}

void Locator::Learn(std::vector<RegionRoute> regions, StoreId leader_store) {
  for (RegionRoute& route : regions) {
    if (route.peers.empty()) continue;
    absl::StatusOr<KeyRange> range = codec_.ToRequestBounds(route.range);
    if (!range.ok()) continue;
    route.range = *std::move(range);
    for (const PeerRoute& peer : route.peers) {
      if (peer.store_id == leader_store) route.leader = peer.id;
    }
    cache_->Insert(std::move(route));
  }
}

std::shared_ptr<StoreConnection> Locator::FindStore(StoreId id) const {
  MutexLock lock(mutex_);
  auto it = stores_.find(id);
  return it == stores_.end() || it->second.is_suspect ? nullptr : it->second.connection;
}

void Locator::LoadStore(StoreId id, ConnectionCallback callback) {
  metrics_->store_loads.Increment();
  pd_->GetStore(
      id, [this, id, callback = std::move(callback)](absl::StatusOr<metapb::Store> store) mutable {
        std::move(callback)(OnStoreLoaded(id, store));
      });
}

absl::StatusOr<std::shared_ptr<StoreConnection>> Locator::OnStoreLoaded(
    StoreId id, const absl::StatusOr<metapb::Store>& store) {
  MutexLock lock(mutex_);
  // While PD cannot say where a store is, it is where it was.
  if (!store.ok() && !(IsAway(store.status()) && stores_.contains(id))) return store.status();
  KnownStore& known = stores_[id];
  // A store that is still where it was keeps its connection.
  if (store.ok() && (known.connection == nullptr || known.address != store->address())) {
    known.address = store->address();
    known.connection = connector_->Connect(store->address());
  }
  known.is_suspect = false;
  return known.connection;
}

void Locator::ForgetStore(StoreId id) {
  MutexLock lock(mutex_);
  if (auto it = stores_.find(id); it != stores_.end()) it->second.is_suspect = true;
}

}  // namespace flotilla::client
