#include "pd/http/http_api.h"

#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "pd/http/json.h"

namespace flotilla::pd {
namespace {

rpc::HttpResponse Answer(const JsonWriter& json) {
  rpc::HttpResponse response;
  response.body = json.text();
  return response;
}

void Write(const Member& member, JsonWriter& json) {
  const std::string url = absl::StrCat("http://", member.address);
  json.BeginObject();
  json.Key("name").String(member.name).Key("member_id").Number(member.id.value());
  json.Key("client_urls").BeginArray().String(url).EndArray();
  json.Key("peer_urls").BeginArray().String(url).EndArray();
  json.EndObject();
}

void Write(const metapb::Peer& peer, JsonWriter& json) {
  json.BeginObject().Key("id").Number(peer.id()).Key("store_id").Number(peer.store_id());
  json.Key("role_name").String(metapb::PeerRole_Name(peer.role()));
  json.EndObject();
}

void Write(const RegionInfo& region, JsonWriter& json) {
  json.BeginObject().Key("id").Number(region.meta.id());
  json.Key("start_key").String(FromAbsl(absl::BytesToHexString(region.start())));
  json.Key("end_key").String(FromAbsl(absl::BytesToHexString(region.end())));
  json.Key("epoch").BeginObject().Key("conf_ver").Number(region.conf_ver());
  json.Key("version").Number(region.version()).EndObject();
  json.Key("peers").BeginArray();
  for (const metapb::Peer& peer : region.meta.peers()) Write(peer, json);
  json.EndArray();
  if (region.HasLeader()) {
    json.Key("leader");
    Write(region.leader, json);
  }
  json.Key("approximate_size").Number(region.approximate_size_mib);
  json.Key("approximate_keys").Number(region.approximate_keys);
  json.EndObject();
}

const char* StateName(const StoreInfo& store, env::Instant now) {
  if (store.meta.state() == metapb::Tombstone) return "Tombstone";
  if (store.meta.physically_destroyed()) return "Lost";
  if (store.meta.state() == metapb::Offline) return "Offline";
  if (store.IsLost(now)) return "Down";
  return store.IsServing(now) ? "Up" : "Disconnected";
}

}  // namespace

void HttpApi::Bind(rpc::HttpServer& server) {
  const auto get = [this, &server](const std::string& path,
                                   rpc::HttpResponse (HttpApi::*page)() const) {
    server.Get(path, [this, page](const rpc::HttpRequest&) { return (this->*page)(); });
  };
  get("/pd/api/v1/members", &HttpApi::Members);
  get("/pd/api/v1/stores", &HttpApi::Stores);
  get("/pd/api/v1/regions", &HttpApi::Regions);
  get("/pd/api/v1/operators", &HttpApi::Operators);
  get("/pd/api/v1/health", &HttpApi::Health);
  get("/health", &HttpApi::Health);
  get("/status", &HttpApi::Status);
}

rpc::HttpResponse HttpApi::NotLeader() const {
  const Member* leader = members_->Find(leadership_->leader());
  JsonWriter json;
  json.BeginObject().Key("error").String("not leader");
  if (leader != nullptr) json.Key("leader").String(leader->address);
  json.EndObject();
  rpc::HttpResponse response = Answer(json);
  response.status = 503;
  return response;
}

uint64_t HttpApi::ClusterIdOrZero() const {
  const auto cluster = store_->reader().Cluster();
  return cluster.ok() ? cluster->cluster_id() : 0;
}

rpc::HttpResponse HttpApi::Members() const {
  JsonWriter json;
  json.BeginObject();
  json.Key("header").BeginObject().Key("cluster_id").Number(ClusterIdOrZero()).EndObject();
  json.Key("members").BeginArray();
  for (const Member& member : members_->all()) Write(member, json);
  json.EndArray();
  if (const Member* leader = members_->Find(leadership_->leader()); leader != nullptr) {
    json.Key("leader");
    Write(*leader, json);
    json.Key("etcd_leader");
    Write(*leader, json);
  }
  json.EndObject();
  return Answer(json);
}

rpc::HttpResponse HttpApi::Stores() const {
  const std::shared_ptr<LeaderState> state = leadership_->Current();
  if (state == nullptr) return NotLeader();
  const std::vector<StoreInfo> stores = state->cluster.Stores();
  const env::Instant now = clock_->Now();
  JsonWriter json;
  json.BeginObject().Key("count").Number(stores.size()).Key("stores").BeginArray();
  for (const StoreInfo& store : stores) {
    json.BeginObject().Key("store").BeginObject();
    json.Key("id").Number(store.meta.id()).Key("address").String(store.meta.address());
    json.Key("version").String(store.meta.version());
    json.Key("status_address").String(store.meta.status_address());
    json.Key("state_name").String(StateName(store, now)).EndObject();
    json.Key("status").BeginObject();
    json.Key("capacity").Number(store.stats.capacity());
    json.Key("available").Number(store.stats.available());
    const int leaders = state->cluster.LeaderCount(store.id());
    const int peers = state->cluster.PeerCount(store.id());
    json.Key("leader_count").Signed(leaders).Key("region_count").Signed(peers);
    json.Key("last_heartbeat_ts_ms").Signed(store.last_heartbeat_wall_ms);
    json.EndObject().EndObject();
  }
  json.EndArray().EndObject();
  return Answer(json);
}

rpc::HttpResponse HttpApi::Regions() const {
  const std::shared_ptr<LeaderState> state = leadership_->Current();
  if (state == nullptr) return NotLeader();
  const std::vector<RegionPtr> regions = state->cluster.ScanRegions({"", ""}, 0);
  JsonWriter json;
  json.BeginObject().Key("count").Number(regions.size()).Key("regions").BeginArray();
  for (const RegionPtr& region : regions) Write(*region, json);
  json.EndArray().EndObject();
  return Answer(json);
}

rpc::HttpResponse HttpApi::Operators() const {
  const std::shared_ptr<LeaderState> state = leadership_->Current();
  if (state == nullptr) return NotLeader();
  JsonWriter json;
  json.BeginArray();
  for (const auto& [record, step] : state->operators.Running()) {
    json.BeginObject().Key("region_id").Number(record.region_id.value());
    json.Key("desc").String(record.desc).Key("kind").String(KindName(record.kind));
    json.Key("step").String(step).EndObject();
  }
  json.EndArray();
  return Answer(json);
}

rpc::HttpResponse HttpApi::Health() const {
  const Member& self = members_->self();
  const bool healthy = leadership_->leader() != PeerId();
  JsonWriter json;
  json.BeginArray().BeginObject().Key("name").String(self.name);
  json.Key("member_id").Number(self.id.value());
  json.Key("client_urls").BeginArray().String(absl::StrCat("http://", self.address)).EndArray();
  json.Key("health").Bool(healthy).EndObject().EndArray();
  rpc::HttpResponse response = Answer(json);
  if (!healthy) response.status = 503;
  return response;
}

rpc::HttpResponse HttpApi::Status() const {
  const std::shared_ptr<LeaderState> state = leadership_->Current();
  const Member* leader = members_->Find(leadership_->leader());
  JsonWriter json;
  json.BeginObject().Key("name").String(members_->self().name);
  json.Key("cluster_id").Number(ClusterIdOrZero());
  json.Key("leader").String(leader == nullptr ? "" : leader->name);
  json.Key("is_leader").Bool(state != nullptr);
  if (state != nullptr) {
    json.Key("term").Number(state->term.value());
    json.Key("stores").Number(state->cluster.Stores().size());
    json.Key("regions").Number(state->cluster.region_count());
    json.Key("operators").Number(state->operators.running_count());
  }
  json.EndObject();
  return Answer(json);
}

}  // namespace flotilla::pd
