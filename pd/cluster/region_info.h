// What PD knows about one region, as its leader reported it last. Never changed once made, so that
// readers share it.
#ifndef FLOTILLA_PD_CLUSTER_REGION_INFO_H_
#define FLOTILLA_PD_CLUSTER_REGION_INFO_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "tikv/metapb.pb.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pd {

struct RegionInfo {
  metapb::Region meta;
  // Without id: not known to this leadership yet.
  metapb::Peer leader;
  uint64_t term = 0;
  std::vector<pdpb::PeerStats> down_peers;
  std::vector<metapb::Peer> pending_peers;
  uint64_t approximate_size_mib = 0;
  uint64_t approximate_keys = 0;
  uint64_t bytes_written = 0;
  uint64_t bytes_read = 0;
  uint64_t keys_written = 0;
  uint64_t keys_read = 0;

  RegionId id() const { return RegionId(meta.id()); }
  const std::string& start() const { return meta.start_key(); }
  const std::string& end() const { return meta.end_key(); }
  uint64_t version() const { return meta.region_epoch().version(); }
  uint64_t conf_ver() const { return meta.region_epoch().conf_ver(); }
  bool HasLeader() const { return leader.id() != 0; }
  StoreId leader_store() const { return StoreId(leader.store_id()); }

  // True when `key` lies in it and is not its start: where it can be split.
  bool CanSplitAt(std::string_view key) const {
    return key > start() && (end().empty() || key < end());
  }
  // Null when there is none.
  const metapb::Peer* PeerOn(StoreId store) const;
  const metapb::Peer* FindPeer(PeerId peer) const;
  bool IsPending(PeerId peer) const;
  bool IsDown(PeerId peer) const;
};

using RegionPtr = std::shared_ptr<const RegionInfo>;

// REQUIRES: the request names a region.
RegionPtr RegionFromHeartbeat(const pdpb::RegionHeartbeatRequest& request);
// As stored: without a leader.
RegionPtr RegionFromMeta(metapb::Region meta);

// "region 7 [conf_ver 1, version 3]", for messages.
std::string DescribeRegion(const metapb::Region& region);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_CLUSTER_REGION_INFO_H_
