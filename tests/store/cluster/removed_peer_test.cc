// A peer that was removed while its store was away must hear of it, whomever it still knows.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "tests/store/store_cluster.h"

namespace flotilla::store {
namespace {

constexpr char kKey[] = "key";

StoreClusterOptions FiveStores() {
  StoreClusterOptions options;
  options.seed = 5;
  options.stores = 5;
  options.peer.leader_missing_timeout = std::chrono::seconds(2);
  return options;
}

uint64_t PeerOn(int store) { return static_cast<uint64_t>(100 + store); }

class RemovedPeerTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(cluster_.Put(kKey, "value")); }
  void TearDown() override {
    for (const std::string& violation : cluster_.violations().all()) ADD_FAILURE() << violation;
  }

  bool IsMember(int store) {
    return cluster_.WaitForLeader(kKey)->region.FindPeer(PeerId(PeerOn(store))) != nullptr;
  }
  void Change(int store, eraftpb::ConfChangeType type) {
    pdpb::RegionHeartbeatResponse instruction;
    metapb::Peer* peer = instruction.mutable_change_peer()->mutable_peer();
    peer->set_id(PeerOn(store));
    peer->set_store_id(static_cast<uint64_t>(store));
    instruction.mutable_change_peer()->set_change_type(type);
    const bool wanted = type == eraftpb::AddNode;
    for (int i = 0; i < 10 && IsMember(store) != wanted; ++i) {
      cluster_.Instruct(kKey, instruction);
      cluster_.RunUntil([&] { return IsMember(store) == wanted; }, std::chrono::seconds(5));
    }
    ASSERT_EQ(IsMember(store), wanted) << "the peer on store " << store;
  }
  void Add(int store) { Change(store, eraftpb::AddNode); }
  void Remove(int store) { Change(store, eraftpb::RemoveNode); }

  // Store 3 is cut off meanwhile. The peers on stores 1 and 2 saw the one there as a member last.
  void RemoveAllOfTheFirst() {
    cluster_.network().Isolate(StoreId(3));
    Add(4);
    Add(5);
    Remove(1);
    Remove(2);
    Remove(3);
    // What it is told at once is lost.
    cluster_.world().RunFor(std::chrono::seconds(1));
    ASSERT_NE(cluster_.ViewOn(3, kKey), nullptr);
  }

  StoreCluster cluster_{FiveStores()};
};

TEST_F(RemovedPeerTest, GoesThoughAllWhomItKnowsWereRemovedBeforeIt) {
  RemoveAllOfTheFirst();
  cluster_.network().Heal();
  EXPECT_TRUE(cluster_.RunUntil([&] { return cluster_.ViewOn(3, kKey) == nullptr; }));
  EXPECT_EQ(cluster_.Get(kKey), "value");
}

TEST_F(RemovedPeerTest, StaysWhilePdIsAwayAndGoesAfterwards) {
  RemoveAllOfTheFirst();
  cluster_.pd().down = absl::UnavailableError("PD is away");
  cluster_.network().Heal();
  cluster_.world().RunFor(std::chrono::seconds(30));
  EXPECT_NE(cluster_.ViewOn(3, kKey), nullptr);
  cluster_.pd().down = absl::OkStatus();
  EXPECT_TRUE(cluster_.RunUntil([&] { return cluster_.ViewOn(3, kKey) == nullptr; }));
}

TEST_F(RemovedPeerTest, AMemberWithoutALeaderStays) {
  cluster_.network().Isolate(StoreId(3));
  cluster_.world().RunFor(std::chrono::seconds(30));
  EXPECT_NE(cluster_.ViewOn(3, kKey), nullptr);
  cluster_.network().Heal();
  cluster_.world().RunFor(std::chrono::seconds(30));
  EXPECT_NE(cluster_.ViewOn(3, kKey), nullptr);
  EXPECT_TRUE(IsMember(3));
}

}  // namespace
}  // namespace flotilla::store
