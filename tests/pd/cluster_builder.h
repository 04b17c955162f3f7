// Builds clusters for PD's tests: stores that beat and regions as their leaders would report them.
#ifndef FLOTILLA_TESTS_PD_CLUSTER_BUILDER_H_
#define FLOTILLA_TESTS_PD_CLUSTER_BUILDER_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pd/cluster/cluster.h"

namespace flotilla::pd {

inline metapb::Store MakeStore(uint64_t id) {
  metapb::Store store;
  store.set_id(id);
  store.set_address(absl::StrCat("127.0.0.1:", 20000 + id));
  store.set_version("8.5.0");
  return store;
}

// One voter on each of `stores`, peer ids region * 100 + store; the first one leads.
inline std::shared_ptr<RegionInfo> MakeRegion(uint64_t id, const std::string& start,
                                              const std::string& end,
                                              const std::vector<uint64_t>& stores,
                                              uint64_t version = 1) {
  auto region = std::make_shared<RegionInfo>();
  region->meta.set_id(id);
  region->meta.set_start_key(start);
  region->meta.set_end_key(end);
  region->meta.mutable_region_epoch()->set_version(version);
  region->meta.mutable_region_epoch()->set_conf_ver(1);
  for (const uint64_t store : stores) {
    metapb::Peer* peer = region->meta.add_peers();
    peer->set_id(id * 100 + store);
    peer->set_store_id(store);
  }
  region->leader = region->meta.peers(0);
  region->term = 6;
  return region;
}

class ClusterBuilder {
 public:
  explicit ClusterBuilder(int stores) {
    for (int id = 1; id <= stores; ++id) {
      cluster.PutStore(MakeStore(id));
      Beat(id);
    }
  }

  void Beat(uint64_t store) {
    pdpb::StoreStats stats;
    stats.set_store_id(store);
    EXPECT_TRUE(cluster.OnStoreHeartbeat(stats).ok());
  }

  void Put(const RegionPtr& region) {
    const auto update = cluster.PutRegion(region);
    EXPECT_TRUE(update.ok()) << update.status();
  }

  env::ManualClock clock;
  Cluster cluster{&clock};
};

// What a store would report after it did what the instruction says.
inline std::shared_ptr<RegionInfo> Obey(const RegionInfo& region,
                                        const pdpb::RegionHeartbeatResponse& instruction) {
  auto next = std::make_shared<RegionInfo>(region);
  if (instruction.has_transfer_leader()) {
    next->leader = instruction.transfer_leader().peer();
    ++next->term;
  }
  if (instruction.has_change_peer()) {
    const pdpb::ChangePeer& change = instruction.change_peer();
    auto* peers = next->meta.mutable_peers();
    const auto known = std::find_if(peers->begin(), peers->end(), [&](const metapb::Peer& peer) {
      return peer.id() == change.peer().id();
    });
    if (change.change_type() == eraftpb::RemoveNode) {
      EXPECT_NE(known, peers->end());
      peers->erase(known);
    } else if (known == peers->end()) {
      *next->meta.add_peers() = change.peer();
    } else {
      known->set_role(metapb::Voter);
    }
    next->meta.mutable_region_epoch()->set_conf_ver(region.conf_ver() + 1);
  }
  return next;
}

}  // namespace flotilla::pd

#endif  // FLOTILLA_TESTS_PD_CLUSTER_BUILDER_H_
