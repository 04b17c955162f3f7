#include "store/service/status_routes.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/bytes.h"

namespace flotilla::store {
namespace {

std::string Hex(const std::string& key) { return absl::BytesToHexString(key); }

std::string PeerJson(const metapb::Peer& peer) {
  return absl::StrFormat(R"({"id":%d,"store_id":%d,"role":"%s"})", peer.id(), peer.store_id(),
                         metapb::PeerRole_Name(peer.role()));
}

std::string RegionJson(const RegionView& view) {
  const metapb::Region& meta = view.region.meta();
  std::string peers;
  for (const metapb::Peer& peer : meta.peers()) {
    absl::StrAppend(&peers, peers.empty() ? "" : ",", PeerJson(peer));
  }
  const PublishedPeer& peer = *view.peer;
  return absl::StrFormat(
      R"({"id":%d,"start_key":"%s","end_key":"%s","conf_ver":%d,"version":%d,"peers":[%s],)"
      R"("peer_id":%d,"leader_peer_id":%d,"term":%d,"approximate_bytes":%d,"approximate_keys":%d})",
      meta.id(), Hex(meta.start_key()), Hex(meta.end_key()), meta.region_epoch().conf_ver(),
      meta.region_epoch().version(), peers, view.self.id(), peer.leader.load(), peer.term.load(),
      peer.approximate_bytes.load(), peer.approximate_keys.load());
}

rpc::HttpResponse Status(const StatusSources& sources) {
  size_t leaders = 0;
  const auto views = sources.index->All();
  for (const RegionViewPtr& view : views) leaders += view->peer->leader.load() == view->self.id();
  rpc::HttpResponse response;
  response.body = absl::StrFormat(
      R"({"version":"8.5.0","cluster_id":%d,"store_id":%d,"regions":%d,"leaders":%d,"serving":%s})",
      sources.identity.cluster_id.value(), sources.identity.store_id.value(), views.size(), leaders,
      sources.serving() ? "true" : "false");
  return response;
}

}  // namespace

void AddStatusRoutes(rpc::HttpServer& server, StatusSources sources) {
  auto shared = std::make_shared<const StatusSources>(std::move(sources));
  server.AddMetrics(shared->metrics);
  server.Get("/status", [shared](const rpc::HttpRequest&) { return Status(*shared); });
  server.Get("/config", [shared](const rpc::HttpRequest&) {
    rpc::HttpResponse response;
    response.body = shared->config_json;
    return response;
  });
  server.Get("/health", [shared](const rpc::HttpRequest&) {
    rpc::HttpResponse response;
    const bool serving = shared->serving();
    response.status = serving ? 200 : 503;
    response.body = serving ? R"({"health":"serving"})" : R"({"health":"draining"})";
    return response;
  });
  server.Get("/debug/regions", [shared](const rpc::HttpRequest&) {
    rpc::HttpResponse response;
    response.body = "[";
    for (const RegionViewPtr& view : shared->index->All()) {
      absl::StrAppend(&response.body, response.body.size() == 1 ? "" : ",\n", RegionJson(*view));
    }
    response.body += "]";
    return response;
  });
}

}  // namespace flotilla::store
