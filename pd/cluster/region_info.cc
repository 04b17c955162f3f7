#include "pd/cluster/region_info.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace flotilla::pd {

const metapb::Peer* RegionInfo::PeerOn(StoreId store) const {
  for (const metapb::Peer& peer : meta.peers()) {
    if (peer.store_id() == store.value()) return &peer;
  }
  return nullptr;
}

const metapb::Peer* RegionInfo::FindPeer(PeerId id) const {
  for (const metapb::Peer& peer : meta.peers()) {
    if (peer.id() == id.value()) return &peer;
  }
  return nullptr;
}

bool RegionInfo::IsPending(PeerId id) const {
  for (const metapb::Peer& peer : pending_peers) {
    if (peer.id() == id.value()) return true;
  }
  return false;
}

bool RegionInfo::IsDown(PeerId id) const {
  for (const pdpb::PeerStats& stats : down_peers) {
    if (stats.peer().id() == id.value()) return true;
  }
  return false;
}

RegionPtr RegionFromHeartbeat(const pdpb::RegionHeartbeatRequest& request) {
  auto region = std::make_shared<RegionInfo>();
  region->meta = request.region();
  region->leader = request.leader();
  region->term = request.term();
  region->down_peers.assign(request.down_peers().begin(), request.down_peers().end());
  region->pending_peers.assign(request.pending_peers().begin(), request.pending_peers().end());
  // The protocol's size is in bytes.
  region->approximate_size_mib = request.approximate_size() >> 20;
  region->approximate_keys = request.approximate_keys();
  region->bytes_written = request.bytes_written();
  region->bytes_read = request.bytes_read();
  region->keys_written = request.keys_written();
  region->keys_read = request.keys_read();
  return region;
}

RegionPtr RegionFromMeta(metapb::Region meta) {
  auto region = std::make_shared<RegionInfo>();
  region->meta = std::move(meta);
  return region;
}

std::string DescribeRegion(const metapb::Region& region) {
  return absl::StrCat("region ", region.id(), " [conf_ver ", region.region_epoch().conf_ver(),
                      ", version ", region.region_epoch().version(), "]");
}

}  // namespace flotilla::pd
