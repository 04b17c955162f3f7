#include "pd/api/cluster_api.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/bytes.h"

namespace flotilla::pd {
namespace {

constexpr char kClusterVersion[] = "8.5.0";
constexpr size_t kMaxAddressBytes = 512;

absl::Status CheckFirstRegion(const metapb::Store& store, const metapb::Region& region) {
  if (!region.start_key().empty() || !region.end_key().empty()) {
    return absl::InvalidArgumentError("the first region must span all keys");
  }
  if (region.id() == 0 || region.peers_size() != 1 || region.peers(0).id() == 0 ||
      region.peers(0).store_id() != store.id()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the first region must have an id and one peer, on store ", store.id()));
  }
  return absl::OkStatus();
}

metapb::Store Describe(const StoreInfo& info) {
  metapb::Store store = info.meta;
  store.set_last_heartbeat(info.last_heartbeat_wall_ms * 1'000'000);
  return store;
}

}  // namespace

absl::Status CheckStore(const metapb::Store& store) {
  if (store.id() == 0) return absl::InvalidArgumentError("store id 0 is none");
  if (store.address().empty() || store.address().size() > kMaxAddressBytes) {
    return absl::InvalidArgumentError(absl::StrCat("store ", store.id(), ": address of ",
                                                   store.address().size(),
                                                   " bytes, should be 1 to ", kMaxAddressBytes));
  }
  return CheckStoreVersion(store.version());
}

absl::Status CheckStoreVersion(const std::string& version) {
  if (version.empty()) return absl::OkStatus();
  const absl::Status bad = absl::InvalidArgumentError(
      absl::StrCat("version \"", version, "\" is not of the form 1.2.3 or 1.2.3-suffix"));
  std::string_view text = version;
  if (text.front() == 'v') text.remove_prefix(1);
  // What follows a dash or a plus is free.
  text = text.substr(0, text.find_first_of("-+"));
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(text), '.');
  if (parts.size() != 3) return bad;
  for (const std::string& part : parts) {
    if (part.empty() || part.size() > 9 || !std::all_of(part.begin(), part.end(), [](char c) {
          return absl::ascii_isdigit(static_cast<unsigned char>(c));
        })) {
      return bad;
    }
  }
  return absl::OkStatus();
}

void ClusterApi::Bootstrap(const pdpb::BootstrapRequest& request, pdpb::BootstrapResponse* response,
                           rpc::Done done) {
  const auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  if (state->bootstrapped) {
    SetHeaderError(response->mutable_header(), pdpb::ALREADY_BOOTSTRAPPED,
                   "cluster is already bootstrapped");
    std::move(done)(absl::OkStatus());
    return;
  }
  absl::Status status = CheckStore(request.store());
  if (status.ok()) status = CheckFirstRegion(request.store(), request.region());
  if (!status.ok()) {
    FinishWithError(status, response->mutable_header(), std::move(done));
    return;
  }
  meta::v1::Command command;
  meta::v1::Bootstrap* body = command.mutable_bootstrap();
  *body->mutable_store() = request.store();
  body->mutable_store()->set_state(metapb::Up);
  body->mutable_store()->set_node_state(metapb::Serving);
  *body->mutable_region() = request.region();
  auto on_done = [state, store = body->store(), region = body->region(), response,
                  done = std::move(done)](absl::StatusOr<meta::v1::Result> result) mutable {
    if (absl::IsAlreadyExists(result.status())) {
      SetHeaderError(response->mutable_header(), pdpb::ALREADY_BOOTSTRAPPED,
                     FromAbsl(result.status().message()));
      std::move(done)(absl::OkStatus());
    } else if (!result.ok()) {
      FinishWithError(result.status(), response->mutable_header(), std::move(done));
    } else {
      state->cluster.PutStore(store);
      state->cluster.LoadRegion(RegionFromMeta(std::move(region)));
      state->bootstrapped = true;
      std::move(done)(absl::OkStatus());
    }
  };
  store_->Propose(state->term, std::move(command), std::move(on_done));
}

void ClusterApi::IsBootstrapped(const pdpb::IsBootstrappedRequest& request,
                                pdpb::IsBootstrappedResponse* response, rpc::Done done) {
  const auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  response->set_bootstrapped(state->bootstrapped);
  std::move(done)(absl::OkStatus());
}

void ClusterApi::AllocID(const pdpb::AllocIDRequest& request, pdpb::AllocIDResponse* response,
                         rpc::Done done) {
  const auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const uint32_t count = std::max<uint32_t>(1, request.count());
  state->ids->Allocate(
      count, [response, count, done = std::move(done)](absl::StatusOr<uint64_t> first) mutable {
        if (!first.ok()) {
          FinishWithError(first.status(), response->mutable_header(), std::move(done));
          return;
        }
        response->set_id(*first + count - 1);
        response->set_count(count);
        std::move(done)(absl::OkStatus());
      });
}

void ClusterApi::GetStore(const pdpb::GetStoreRequest& request, pdpb::GetStoreResponse* response,
                          rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const std::optional<StoreInfo> store = state->cluster.GetStore(StoreId(request.store_id()));
  if (store.has_value()) {
    *response->mutable_store() = Describe(*store);
    *response->mutable_stats() = store->stats;
  } else {
    SetHeaderError(response->mutable_header(), pdpb::UNKNOWN,
                   absl::StrCat("invalid store ID ", request.store_id(), ", not found"));
  }
  std::move(done)(absl::OkStatus());
}

void ClusterApi::GetAllStores(const pdpb::GetAllStoresRequest& request,
                              pdpb::GetAllStoresResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  for (const StoreInfo& store : state->cluster.Stores()) {
    if (request.exclude_tombstone_stores() && store.meta.state() == metapb::Tombstone) continue;
    *response->add_stores() = Describe(store);
  }
  std::move(done)(absl::OkStatus());
}

void ClusterApi::PutStore(const pdpb::PutStoreRequest& request, pdpb::PutStoreResponse* response,
                          rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  absl::Status status = CheckStore(request.store());
  if (status.ok()) status = state->cluster.CheckAddress(request.store());
  if (!status.ok()) {
    FinishWithError(status, response->mutable_header(), std::move(done));
    return;
  }
  meta::v1::Command command;
  *command.mutable_put_store()->mutable_store() = request.store();
  auto on_done = [this, state, id = request.store().id(), response,
                  done = std::move(done)](absl::StatusOr<meta::v1::Result> result) mutable {
    if (absl::IsFailedPrecondition(result.status())) {
      SetHeaderError(response->mutable_header(), pdpb::STORE_TOMBSTONE,
                     FromAbsl(result.status().message()));
      std::move(done)(absl::OkStatus());
      return;
    }
    absl::Status status = result.status();
    if (status.ok()) {
      // As it was stored: registering does not change the store's state.
      const auto stored = store_->reader().Store(id);
      status = stored.status();
      if (stored.ok() && stored->has_value()) state->cluster.PutStore(**stored);
    }
    if (status.ok()) {
      std::move(done)(absl::OkStatus());
    } else {
      FinishWithError(status, response->mutable_header(), std::move(done));
    }
  };
  store_->Propose(state->term, std::move(command), std::move(on_done));
}

void ClusterApi::StoreHeartbeat(const pdpb::StoreHeartbeatRequest& request,
                                pdpb::StoreHeartbeatResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const StoreId id(request.stats().store_id());
  const std::optional<StoreInfo> store = state->cluster.GetStore(id);
  if (store.has_value() && store->meta.physically_destroyed()) {
    // It stops by itself when it hears that.
    response->set_state(metapb::Removed);
  } else if (store.has_value() && store->meta.state() == metapb::Tombstone) {
    SetHeaderError(response->mutable_header(), pdpb::STORE_TOMBSTONE,
                   absl::StrCat("store ", id.value(), " is tombstone"));
  } else if (const absl::Status status = state->cluster.OnStoreHeartbeat(request.stats());
             !status.ok()) {
    SetHeaderError(response->mutable_header(), pdpb::UNKNOWN, FromAbsl(status.message()));
  } else {
    response->set_cluster_version(kClusterVersion);
    response->set_state(store->meta.node_state());
  }
  std::move(done)(absl::OkStatus());
}

void ClusterApi::GetClusterConfig(const pdpb::GetClusterConfigRequest& request,
                                  pdpb::GetClusterConfigResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  response->mutable_cluster()->set_id(state->cluster_id.value());
  response->mutable_cluster()->set_max_peer_count(max_replicas_);
  std::move(done)(absl::OkStatus());
}

void ClusterApi::PutClusterConfig(const pdpb::PutClusterConfigRequest& request,
                                  pdpb::PutClusterConfigResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  if (request.cluster().id() != state->cluster_id.value() ||
      request.cluster().max_peer_count() != max_replicas_) {
    SetHeaderError(response->mutable_header(), pdpb::INVALID_VALUE,
                   absl::StrCat("cluster ", state->cluster_id.value(), " keeps ", max_replicas_,
                                " replicas by its members' configuration"));
  }
  std::move(done)(absl::OkStatus());
}

}  // namespace flotilla::pd
