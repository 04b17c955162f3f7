// The PD of the fake cluster.
#include <iterator>
#include <utility>

#include "common/base/check.h"
#include "common/base/coding.h"
#include "flotilla/keyspace.pb.h"
#include "tests/client/fake/fake_cluster.h"

namespace flotilla::client::testing {
namespace {

template <typename T>
const T& As(const google::protobuf::Message& message) {
  return dynamic_cast<const T&>(message);
}
template <typename T>
T* As(google::protobuf::Message* message) {
  return dynamic_cast<T*>(message);
}

}  // namespace

metapb::Region FakeCluster::Encoded(const metapb::Region& region) const {
  metapb::Region encoded = region;
  encoded.set_start_key(codec_.ToRegionKey(region.start_key()));
  encoded.set_end_key(codec_.ToRegionKey(region.end_key()));
  return encoded;
}

std::string FakeCluster::DecodeRegionKey(const std::string& region_key) const {
  if (!codec_.is_v2() || region_key.empty()) return region_key;
  std::string_view rest = region_key;
  std::string key;
  // The position above all keys is not an encoding.
  return GetMemcomparable(rest, key) ? key : region_key;
}

pdpb::Region FakeCluster::PdRegion(const Region& region) const {
  pdpb::Region out;
  *out.mutable_region() = Encoded(region.meta);
  for (const metapb::Peer& peer : region.meta.peers()) {
    if (peer.store_id() == region.leader_store) *out.mutable_leader() = peer;
  }
  return out;
}

absl::Status FakeCluster::CallPd(std::string_view method, const google::protobuf::Message& request,
                                 google::protobuf::Message* response) {
  MutexLock lock(mutex_);
  ++pd_calls_[std::string(method)];
  if (!pd_errors_.empty()) {
    absl::Status error = pd_errors_.front();
    pd_errors_.pop_front();
    return error;
  }
  if (method == "pdpb.PD/ScanRegions") {
    return PdScanRegions(As<pdpb::ScanRegionsRequest>(request),
                         As<pdpb::ScanRegionsResponse>(response));
  }
  if (method.find("Region") != method.npos) return PdGetRegion(method, request, response);
  if (method.find("eyspace") != method.npos) return PdKeyspaces(method, request, response);
  return PdMembersAndStores(method, request, response);
}

absl::Status FakeCluster::PdGetRegion(std::string_view method,
                                      const google::protobuf::Message& request,
                                      google::protobuf::Message* response) {
  const Regions& regions = frozen_.empty() ? regions_ : frozen_;
  auto found = regions.end();
  if (method == "pdpb.PD/GetRegionByID") {
    const uint64_t id = As<pdpb::GetRegionByIDRequest>(request).region_id();
    for (auto it = regions.begin(); it != regions.end(); ++it) {
      if (it->second.meta.id() == id) found = it;
    }
  } else {
    const std::string key = DecodeRegionKey(As<pdpb::GetRegionRequest>(request).region_key());
    found = std::prev(regions.upper_bound(key));
    if (method == "pdpb.PD/GetPrevRegion") {
      found = found == regions.begin() ? regions.end() : std::prev(found);
    }
  }
  if (found == regions.end()) return absl::NotFoundError("no such region");
  const pdpb::Region region = PdRegion(found->second);
  auto* out = As<pdpb::GetRegionResponse>(response);
  *out->mutable_region() = region.region();
  *out->mutable_leader() = region.leader();
  return absl::OkStatus();
}

absl::Status FakeCluster::PdScanRegions(const pdpb::ScanRegionsRequest& request,
                                        pdpb::ScanRegionsResponse* response) {
  const std::string start = DecodeRegionKey(request.start_key());
  const std::string end = DecodeRegionKey(request.end_key());
  const KeyRange range{start, end};
  for (const auto& [first, region] : regions_) {
    if (request.limit() > 0 && response->regions_size() >= request.limit()) break;
    if (range.Overlaps({region.meta.start_key(), region.meta.end_key()})) {
      *response->add_regions() = PdRegion(region);
    }
  }
  return absl::OkStatus();
}

absl::Status FakeCluster::PdMembersAndStores(std::string_view method,
                                             const google::protobuf::Message& request,
                                             google::protobuf::Message* response) {
  if (method == "pdpb.PD/GetMembers") {
    auto* out = As<pdpb::GetMembersResponse>(response);
    for (int i = 1; i <= 3; ++i) {
      pdpb::Member* member = out->add_members();
      member->set_name("pd-" + std::to_string(i));
      member->set_member_id(i);
      member->add_client_urls("http://127.0.0.1:" + std::to_string(2378 + i));
      member->set_binary_version("0.1.0");
    }
    *out->mutable_leader() = out->members(0);
    return absl::OkStatus();
  }
  if (method == "pdpb.PD/GetAllStores") {
    for (const auto& [id, store] : stores_) {
      *As<pdpb::GetAllStoresResponse>(response)->add_stores() = store;
    }
    return absl::OkStatus();
  }
  if (method == "pdpb.PD/GetStore") {
    auto it = stores_.find(As<pdpb::GetStoreRequest>(request).store_id());
    if (it == stores_.end()) return absl::NotFoundError("invalid store ID, not found");
    *As<pdpb::GetStoreResponse>(response)->mutable_store() = it->second;
    return absl::OkStatus();
  }
  if (method.find("flotilla.repair") == 0) return PdRepair(method, request, response);
  return absl::UnimplementedError(std::string(method));
}

void FakeCluster::AddCheck(const repair::v1::RegionCheck& check) {
  MutexLock lock(mutex_);
  checks_.push_back(check);
}

absl::Status FakeCluster::PdRepair(std::string_view method,
                                   const google::protobuf::Message& request,
                                   google::protobuf::Message* response) {
  if (method == "flotilla.repair.v1.Repair/GetChecks") {
    for (const repair::v1::RegionCheck& check : checks_) {
      *As<repair::v1::GetChecksResponse>(response)->add_checks() = check;
    }
    return absl::OkStatus();
  }
  if (method == "flotilla.repair.v1.Repair/RebuildReplica") {
    const auto& asked = As<repair::v1::RebuildReplicaRequest>(request);
    for (auto& [start, region] : regions_) {
      if (region.meta.id() != asked.region_id()) continue;
      for (metapb::Peer& peer : *region.meta.mutable_peers()) {
        if (peer.store_id() != asked.store_id()) continue;
        auto* out = As<repair::v1::RebuildReplicaResponse>(response);
        out->set_old_peer_id(peer.id());
        out->add_steps("remove it, add another one");
        peer.set_id(peer.id() + 1'000'000);
        return absl::OkStatus();
      }
    }
    return absl::NotFoundError("region has no replica on that store");
  }
  if (method == "flotilla.repair.v1.Repair/DeclareLost") {
    const uint64_t id = As<repair::v1::DeclareLostRequest>(request).store_id();
    auto it = stores_.find(id);
    if (it == stores_.end()) return absl::NotFoundError("store does not exist");
    it->second.set_physically_destroyed(true);
    uint64_t replicas = 0;
    for (const auto& [start, region] : regions_) {
      for (const metapb::Peer& peer : region.meta.peers()) replicas += peer.store_id() == id;
    }
    As<repair::v1::DeclareLostResponse>(response)->set_replicas(replicas);
    return absl::OkStatus();
  }
  return absl::UnimplementedError(std::string(method));
}

absl::Status FakeCluster::PdKeyspaces(std::string_view method,
                                      const google::protobuf::Message& request,
                                      google::protobuf::Message* response) {
  const auto fill = [](keyspacepb::KeyspaceMeta* meta, const std::string& name, uint32_t id) {
    meta->set_name(name);
    meta->set_id(id);
    meta->set_state(keyspacepb::ENABLED);
  };
  if (method == "keyspacepb.Keyspace/GetAllKeyspaces") {
    auto* out = As<keyspacepb::GetAllKeyspacesResponse>(response);
    for (const auto& [name, id] : keyspaces_) fill(out->add_keyspaces(), name, id);
    return absl::OkStatus();
  }
  if (method == "keyspacepb.Keyspace/LoadKeyspace") {
    const std::string& name = As<keyspacepb::LoadKeyspaceRequest>(request).name();
    auto it = keyspaces_.find(name);
    if (it == keyspaces_.end()) return absl::NotFoundError("no keyspace " + name);
    fill(As<keyspacepb::LoadKeyspaceResponse>(response)->mutable_keyspace(), name, it->second);
    return absl::OkStatus();
  }
  CHECK_EQ(method, "flotilla.keyspace.v1.KeyspaceAdmin/CreateKeyspace");
  const std::string& name = As<keyspace::v1::CreateKeyspaceRequest>(request).name();
  const auto [it, is_new] = keyspaces_.emplace(name, next_id_++);
  if (!is_new) return absl::AlreadyExistsError("keyspace " + name + " is there already");
  fill(As<keyspace::v1::CreateKeyspaceResponse>(response)->mutable_keyspace(), name, it->second);
  return absl::OkStatus();
}

}  // namespace flotilla::client::testing
