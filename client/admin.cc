#include "client/admin.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "client/operation_scope.h"
#include "client/region_op.h"
#include "common/base/status_macros.h"
#include "common/pdclient/waiter.h"

namespace flotilla::client {
namespace {

using pdclient::Waiter;

constexpr int kRegionsPerPage = 1000;

absl::StatusOr<std::vector<pdpb::Region>> RegionsOf(pdclient::PdClient* pd, KeyRange range,
                                                    size_t limit) {
  std::vector<pdpb::Region> regions;
  while (true) {
    Waiter<std::vector<pdpb::Region>> waiter;
    pd->ScanRegions(range, kRegionsPerPage, waiter.callback());
    ASSIGN_OR_RETURN(std::vector<pdpb::Region> page, waiter.Wait());
    for (pdpb::Region& region : page) {
      if (limit > 0 && regions.size() >= limit) return regions;
      regions.push_back(std::move(region));
    }
    if (page.size() < kRegionsPerPage || regions.back().region().end_key().empty()) return regions;
    range.start = regions.back().region().end_key();
    if (range.IsEmpty()) return regions;
  }
}

// Splits the region that holds one key at this key.
class SplitOp final
    : public TypedRegionOp<kvrpcpb::SplitRegionRequest, kvrpcpb::SplitRegionResponse,
                           &StoreConnection::SplitRegion> {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::vector<metapb::Region>>) &&>;

  SplitOp(OperationScope scope, RetryBudget budget, const std::string& request_key, Done done)
      // A copy that comes late names an epoch that is over, and is refused.
      : TypedRegionOp(scope.core(), Effect::kRepeatableWrite, budget),
        scope_(scope),
        done_(std::move(done)) {
    request_.add_split_keys(request_key);
    // Plain keys stay plain in region metadata; V2's are encoded by the store.
    request_.set_is_raw_kv(!scope.core()->codec().is_v2());
  }

 private:
  Locator::Position position() const override { return {request_.split_keys(0)}; }
  void FitTo(const CachedRegion&) override {}
  absl::StatusOr<bool> Accept() override { return true; }
  void Finish(absl::Status status) override {
    const OperationScope scope = scope_;
    scope.Record(status);
    if (status.ok()) {
      std::move(done_)(
          std::vector<metapb::Region>(response_.regions().begin(), response_.regions().end()));
    } else {
      std::move(done_)(std::move(status));
    }
    delete this;
    scope.End();
  }

  const OperationScope scope_;
  Done done_;
};

}  // namespace

absl::StatusOr<pdpb::GetMembersResponse> Admin::Members() {
  Waiter<pdpb::GetMembersResponse> waiter;
  pd_->GetMembers(waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<std::vector<metapb::Store>> Admin::Stores() {
  Waiter<std::vector<metapb::Store>> waiter;
  pd_->GetAllStores(/*exclude_tombstones=*/true, waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<metapb::Store> Admin::StoreById(StoreId id) {
  Waiter<metapb::Store> waiter;
  pd_->GetStore(id, waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<pdpb::StoreStats> Admin::StatsOf(StoreId id) {
  Waiter<pdpb::StoreStats> waiter;
  pd_->GetStoreStats(id, waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<uint64_t> Admin::DeclareLost(StoreId id) {
  Waiter<uint64_t> waiter;
  pd_->DeclareLost(id, waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<std::vector<pdpb::Region>> Admin::Regions(KeyRange range, size_t limit) {
  return RegionsOf(pd_, std::move(range), limit);
}

absl::StatusOr<pdpb::Region> Admin::RegionById(RegionId id) {
  Waiter<pdpb::Region> waiter;
  pd_->GetRegionById(id, waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<std::vector<repair::v1::RegionCheck>> Admin::Checks() {
  Waiter<std::vector<repair::v1::RegionCheck>> waiter;
  pd_->GetChecks(waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<repair::v1::RebuildReplicaResponse> Admin::Rebuild(RegionId region, StoreId store) {
  Waiter<repair::v1::RebuildReplicaResponse> waiter;
  pd_->RebuildReplica(region, store, waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<std::vector<keyspacepb::KeyspaceMeta>> Admin::Keyspaces() {
  Waiter<std::vector<keyspacepb::KeyspaceMeta>> waiter;
  pd_->GetAllKeyspaces(waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<keyspacepb::KeyspaceMeta> Admin::CreateKeyspace(std::string_view name) {
  Waiter<keyspacepb::KeyspaceMeta> waiter;
  pd_->CreateKeyspace(name, {}, waiter.callback());
  return waiter.Wait();
}

absl::StatusOr<pdpb::Region> RegionAdmin::RegionOf(std::string_view user_key) {
  Waiter<pdpb::Region> waiter;
  pd_->GetRegion(codec().ToRegionKey(codec().ToRequestKey(user_key)), waiter.callback());
  return waiter.Wait();
}

KeyRange RegionAdmin::ToRegionRange(const KeyRange& range) const {
  const KeyRange request_range = codec().ToRequestRange(range);
  return {codec().ToRegionKey(request_range.start), codec().ToRegionKey(request_range.end)};
}

absl::StatusOr<std::vector<std::string>> RegionAdmin::BordersIn(const KeyRange& range) {
  ASSIGN_OR_RETURN(const std::vector<pdpb::Region> regions,
                   RegionsOf(pd_, ToRegionRange(range), /*limit=*/0));
  const KeyRange request_range = codec().ToRequestRange(range);
  std::vector<std::string> borders;
  for (const pdpb::Region& region : regions) {
    ASSIGN_OR_RETURN(const KeyRange bounds,
                     codec().ToRequestBounds({region.region().start_key(), ""}));
    if (bounds.start == request_range.start || !request_range.Contains(bounds.start)) continue;
    ASSIGN_OR_RETURN(const std::string_view border, codec().ToUserKey(bounds.start));
    borders.emplace_back(border);
  }
  return borders;
}

absl::StatusOr<std::vector<metapb::Region>> RegionAdmin::Split(std::vector<std::string> user_keys) {
  std::sort(user_keys.begin(), user_keys.end());
  std::vector<metapb::Region> regions;
  for (const std::string& user_key : user_keys) {
    const std::string request_key = codec().ToRequestKey(user_key);
    ASSIGN_OR_RETURN(const pdpb::Region holder, RegionOf(user_key));
    if (holder.region().start_key() == codec().ToRegionKey(request_key)) continue;
    ASSIGN_OR_RETURN(std::vector<metapb::Region> parts, SplitAt(request_key));
    for (metapb::Region& part : parts) {
      // The next split cuts what this one left on the right.
      std::erase_if(regions, [&](const metapb::Region& r) { return r.id() == part.id(); });
      regions.push_back(std::move(part));
    }
  }
  return regions;
}

absl::StatusOr<std::vector<metapb::Region>> RegionAdmin::SplitAt(const std::string& request_key) {
  RETURN_IF_ERROR(core_->BeginOperation());
  Waiter<std::vector<metapb::Region>> waiter;
  const RetryBudget budget(core_->clock().Now() + core_->options().timeout,
                           core_->options().retry_budget);
  auto* op =
      new SplitOp(OperationScope(core_, Operation::kSplit), budget, request_key, waiter.callback());
  op->Start();
  return waiter.Wait();
}

}  // namespace flotilla::client
