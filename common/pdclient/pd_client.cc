// The typed calls: each builds its request and picks its result out of the response.

#include "common/pdclient/pd_client.h"

#include <utility>

#include "common/base/bytes.h"
#include "flotilla/keyspace.pb.h"

namespace flotilla::pdclient {
namespace {

// A callback for `Response` that hands `pick(response)` to `done`.
template <typename Response, typename T, typename Pick>
Callback<Response> Picking(Callback<T> done, Pick pick) {
  return [done = std::move(done), pick](absl::StatusOr<Response> response) mutable {
    if (!response.ok()) {
      std::move(done)(std::move(response).status());
    } else {
      std::move(done)(pick(*response));
    }
  };
}

template <typename Response>
Callback<Response> OnlyStatus(StatusCallback done) {
  return [done = std::move(done)](absl::StatusOr<Response> response) mutable {
    std::move(done)(std::move(response).status());
  };
}

template <typename T>
std::vector<T> MoveToVector(google::protobuf::RepeatedPtrField<T>* from) {
  return {std::make_move_iterator(from->begin()), std::make_move_iterator(from->end())};
}

absl::StatusOr<pdpb::Region> PickRegion(pdpb::GetRegionResponse& response) {
  if (!response.has_region()) return absl::NotFoundError("PD knows no such region");
  pdpb::Region region;
  region.mutable_region()->Swap(response.mutable_region());
  if (response.has_leader()) region.mutable_leader()->Swap(response.mutable_leader());
  region.mutable_down_peers()->Swap(response.mutable_down_peers());
  region.mutable_pending_peers()->Swap(response.mutable_pending_peers());
  return region;
}

pdpb::GetStoreRequest StoreRequest(StoreId store_id) {
  pdpb::GetStoreRequest request;
  request.set_store_id(store_id.value());
  return request;
}

}  // namespace

absl::Status HeaderStatus(const pdpb::ResponseHeader& header) {
  if (!header.has_error() || header.error().type() == pdpb::OK) return absl::OkStatus();
  const absl::string_view message = ToAbsl(header.error().message());
  switch (header.error().type()) {
    case pdpb::NOT_BOOTSTRAPPED:
      return absl::FailedPreconditionError(message);
    case pdpb::ALREADY_BOOTSTRAPPED:
    case pdpb::DUPLICATED_ENTRY:
      return absl::AlreadyExistsError(message);
    case pdpb::STORE_TOMBSTONE:
    case pdpb::REGION_NOT_FOUND:
    case pdpb::ENTRY_NOT_FOUND:
    case pdpb::GLOBAL_CONFIG_NOT_FOUND:
      return absl::NotFoundError(message);
    case pdpb::INVALID_VALUE:
    case pdpb::INCOMPATIBLE_VERSION:
      return absl::InvalidArgumentError(message);
    case pdpb::REGIONS_NOT_CONTAIN_ALL_KEY_RANGE:
      return absl::OutOfRangeError(message);
    default:
      break;
  }
  // PD tells of an unknown store, or one that is gone, in words only.
  const std::string_view text = FromAbsl(message);
  if (text.find("invalid store ID") != text.npos && text.find("not found") != text.npos) {
    return absl::NotFoundError(message);
  }
  return absl::UnknownError(message);
}

void PdClient::GetMembers(Callback<pdpb::GetMembersResponse> done) {
  CallMethod<pdpb::GetMembersRequest>("pdpb.PD/GetMembers", {}, std::move(done));
}

void PdClient::GetRegion(std::string_view key, Callback<pdpb::Region> done) {
  pdpb::GetRegionRequest request;
  request.set_region_key(std::string(key));
  CallMethod("pdpb.PD/GetRegion", std::move(request),
             Picking<pdpb::GetRegionResponse>(std::move(done), PickRegion));
}

void PdClient::GetPrevRegion(std::string_view key, Callback<pdpb::Region> done) {
  pdpb::GetRegionRequest request;
  request.set_region_key(std::string(key));
  CallMethod("pdpb.PD/GetPrevRegion", std::move(request),
             Picking<pdpb::GetRegionResponse>(std::move(done), PickRegion));
}

void PdClient::GetRegionById(RegionId region_id, Callback<pdpb::Region> done) {
  pdpb::GetRegionByIDRequest request;
  request.set_region_id(region_id.value());
  CallMethod("pdpb.PD/GetRegionByID", std::move(request),
             Picking<pdpb::GetRegionResponse>(std::move(done), PickRegion));
}

void PdClient::ScanRegions(const KeyRange& range, int limit,
                           Callback<std::vector<pdpb::Region>> done) {
  pdpb::ScanRegionsRequest request;
  request.set_start_key(range.start);
  request.set_end_key(range.end);
  request.set_limit(limit);
  CallMethod("pdpb.PD/ScanRegions", std::move(request),
             Picking<pdpb::ScanRegionsResponse>(std::move(done), [](auto& response) {
               return MoveToVector(response.mutable_regions());
             }));
}

void PdClient::GetStore(StoreId store_id, Callback<metapb::Store> done) {
  CallMethod("pdpb.PD/GetStore", StoreRequest(store_id),
             Picking<pdpb::GetStoreResponse>(std::move(done), [](auto& response) {
               return std::move(*response.mutable_store());
             }));
}

void PdClient::GetStoreStats(StoreId store_id, Callback<pdpb::StoreStats> done) {
  CallMethod("pdpb.PD/GetStore", StoreRequest(store_id),
             Picking<pdpb::GetStoreResponse>(std::move(done), [](auto& response) {
               return std::move(*response.mutable_stats());
             }));
}

void PdClient::GetAllStores(bool exclude_tombstones, Callback<std::vector<metapb::Store>> done) {
  pdpb::GetAllStoresRequest request;
  request.set_exclude_tombstone_stores(exclude_tombstones);
  CallMethod("pdpb.PD/GetAllStores", std::move(request),
             Picking<pdpb::GetAllStoresResponse>(std::move(done), [](auto& response) {
               return MoveToVector(response.mutable_stores());
             }));
}

void PdClient::PutStore(const metapb::Store& store, StatusCallback done) {
  pdpb::PutStoreRequest request;
  *request.mutable_store() = store;
  CallMethod("pdpb.PD/PutStore", std::move(request),
             OnlyStatus<pdpb::PutStoreResponse>(std::move(done)));
}

void PdClient::StoreHeartbeat(const pdpb::StoreStats& stats,
                              Callback<pdpb::StoreHeartbeatResponse> done) {
  pdpb::StoreHeartbeatRequest request;
  *request.mutable_stats() = stats;
  CallMethod("pdpb.PD/StoreHeartbeat", std::move(request), std::move(done));
}

void PdClient::DeclareLost(StoreId store_id, Callback<uint64_t> done) {
  repair::v1::DeclareLostRequest request;
  request.set_store_id(store_id.value());
  CallMethod("flotilla.repair.v1.Repair/DeclareLost", std::move(request),
             Picking<repair::v1::DeclareLostResponse>(
                 std::move(done), [](auto& response) { return response.replicas(); }));
}

void PdClient::ReportCheck(const repair::v1::Comparison& comparison, StatusCallback done) {
  repair::v1::ReportCheckRequest request;
  *request.mutable_comparison() = comparison;
  CallMethod("flotilla.repair.v1.Repair/ReportCheck", std::move(request),
             OnlyStatus<repair::v1::ReportCheckResponse>(std::move(done)));
}

void PdClient::GetChecks(Callback<std::vector<repair::v1::RegionCheck>> done) {
  CallMethod("flotilla.repair.v1.Repair/GetChecks", repair::v1::GetChecksRequest(),
             Picking<repair::v1::GetChecksResponse>(std::move(done), [](auto& response) {
               return MoveToVector(response.mutable_checks());
             }));
}

void PdClient::RebuildReplica(RegionId region_id, StoreId store_id,
                              Callback<repair::v1::RebuildReplicaResponse> done) {
  repair::v1::RebuildReplicaRequest request;
  request.set_region_id(region_id.value());
  request.set_store_id(store_id.value());
  CallMethod("flotilla.repair.v1.Repair/RebuildReplica", std::move(request), std::move(done));
}

void PdClient::RegisterStore(registry::v1::RegisterRequest start,
                             Callback<registry::v1::RegisterResponse> done) {
  CallMethod("flotilla.registry.v1.StoreRegistry/Register", std::move(start), std::move(done));
}

void PdClient::SaveStorePosition(registry::v1::SavePositionRequest position,
                                 Callback<registry::v1::SavePositionResponse> done) {
  CallMethod("flotilla.registry.v1.StoreRegistry/SavePosition", std::move(position),
             std::move(done));
}

void PdClient::IsBootstrapped(Callback<bool> done) {
  CallMethod<pdpb::IsBootstrappedRequest>(
      "pdpb.PD/IsBootstrapped", {},
      Picking<pdpb::IsBootstrappedResponse>(
          std::move(done), [](auto& response) { return response.bootstrapped(); }));
}

void PdClient::Bootstrap(const metapb::Store& store, const metapb::Region& region,
                         StatusCallback done) {
  pdpb::BootstrapRequest request;
  *request.mutable_store() = store;
  *request.mutable_region() = region;
  CallMethod("pdpb.PD/Bootstrap", std::move(request),
             OnlyStatus<pdpb::BootstrapResponse>(std::move(done)));
}

void PdClient::AllocIds(uint32_t count, Callback<uint64_t> done) {
  pdpb::AllocIDRequest request;
  request.set_count(count);
  CallMethod("pdpb.PD/AllocID", std::move(request),
             Picking<pdpb::AllocIDResponse>(
                 std::move(done), [count](auto& response) -> absl::StatusOr<uint64_t> {
                   const uint64_t given = response.count() == 0 ? 1 : response.count();
                   if (given < count || response.id() < given) {
                     return absl::InternalError("PD gave out fewer ids than asked for");
                   }
                   return response.id() - given + 1;
                 }));
}

void PdClient::AskBatchSplit(const metapb::Region& region, uint32_t count, pdpb::SplitReason reason,
                             Callback<std::vector<pdpb::SplitID>> done) {
  pdpb::AskBatchSplitRequest request;
  *request.mutable_region() = region;
  request.set_split_count(count);
  request.set_reason(reason);
  CallMethod("pdpb.PD/AskBatchSplit", std::move(request),
             Picking<pdpb::AskBatchSplitResponse>(std::move(done), [](auto& response) {
               return MoveToVector(response.mutable_ids());
             }));
}

void PdClient::ReportBatchSplit(const std::vector<metapb::Region>& regions, StatusCallback done) {
  pdpb::ReportBatchSplitRequest request;
  for (const metapb::Region& region : regions) *request.add_regions() = region;
  CallMethod("pdpb.PD/ReportBatchSplit", std::move(request),
             OnlyStatus<pdpb::ReportBatchSplitResponse>(std::move(done)));
}

void PdClient::SplitRegions(const std::vector<std::string>& keys,
                            Callback<pdpb::SplitRegionsResponse> done) {
  pdpb::SplitRegionsRequest request;
  for (const std::string& key : keys) request.add_split_keys(key);
  CallMethod("pdpb.PD/SplitRegions", std::move(request), std::move(done));
}

void PdClient::ScatterRegions(const std::vector<RegionId>& regions, StatusCallback done) {
  pdpb::ScatterRegionRequest request;
  for (const RegionId region : regions) request.add_regions_id(region.value());
  CallMethod("pdpb.PD/ScatterRegion", std::move(request),
             OnlyStatus<pdpb::ScatterRegionResponse>(std::move(done)));
}

void PdClient::GetOperator(RegionId region_id, Callback<pdpb::GetOperatorResponse> done) {
  pdpb::GetOperatorRequest request;
  request.set_region_id(region_id.value());
  CallMethod("pdpb.PD/GetOperator", std::move(request), std::move(done));
}

void PdClient::LoadKeyspace(std::string_view name, Callback<keyspacepb::KeyspaceMeta> done) {
  keyspacepb::LoadKeyspaceRequest request;
  request.set_name(std::string(name));
  CallMethod("keyspacepb.Keyspace/LoadKeyspace", std::move(request),
             Picking<keyspacepb::LoadKeyspaceResponse>(std::move(done), [](auto& response) {
               return std::move(*response.mutable_keyspace());
             }));
}

void PdClient::GetAllKeyspaces(Callback<std::vector<keyspacepb::KeyspaceMeta>> done) {
  CallMethod<keyspacepb::GetAllKeyspacesRequest>(
      "keyspacepb.Keyspace/GetAllKeyspaces", {},
      Picking<keyspacepb::GetAllKeyspacesResponse>(std::move(done), [](auto& response) {
        return MoveToVector(response.mutable_keyspaces());
      }));
}

void PdClient::CreateKeyspace(std::string_view name,
                              const std::map<std::string, std::string>& config,
                              Callback<keyspacepb::KeyspaceMeta> done) {
  keyspace::v1::CreateKeyspaceRequest request;
  request.set_name(std::string(name));
  for (const auto& [key, value] : config) (*request.mutable_config())[key] = value;
  CallMethod("flotilla.keyspace.v1.KeyspaceAdmin/CreateKeyspace", std::move(request),
             Picking<keyspace::v1::CreateKeyspaceResponse>(std::move(done), [](auto& response) {
               return std::move(*response.mutable_keyspace());
             }));
}

}  // namespace flotilla::pdclient
