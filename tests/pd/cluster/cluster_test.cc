#include "pd/cluster/cluster.h"

#include <gtest/gtest.h>

namespace flotilla::pd {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

metapb::Store Store(uint64_t id, const std::string& address) {
  metapb::Store store;
  store.set_id(id);
  store.set_address(address);
  return store;
}

RegionPtr Region(uint64_t id, uint64_t version, uint64_t leader_store) {
  auto region = std::make_shared<RegionInfo>();
  region->meta.set_id(id);
  region->meta.mutable_region_epoch()->set_version(version);
  metapb::Peer* peer = region->meta.add_peers();
  peer->set_id(id * 10);
  peer->set_store_id(leader_store);
  region->leader = *peer;
  return region;
}

class ClusterTest : public testing::Test {
 protected:
  void Beat(uint64_t store) {
    pdpb::StoreStats stats;
    stats.set_store_id(store);
    ASSERT_TRUE(cluster_.OnStoreHeartbeat(stats).ok());
  }

  env::ManualClock clock_;
  Cluster cluster_{&clock_};
};

TEST_F(ClusterTest, StoreServesWhileItsHeartbeatsCome) {
  cluster_.PutStore(Store(1, "a:1"));
  EXPECT_FALSE(cluster_.GetStore(StoreId(1))->IsServing(clock_.Now()));
  Beat(1);
  EXPECT_TRUE(cluster_.GetStore(StoreId(1))->IsServing(clock_.Now()));
  clock_.Advance(seconds(20));
  EXPECT_FALSE(cluster_.GetStore(StoreId(1))->IsServing(clock_.Now()));
  EXPECT_FALSE(cluster_.GetStore(StoreId(1))->IsLost(clock_.Now()));
  clock_.Advance(minutes(30));
  EXPECT_TRUE(cluster_.GetStore(StoreId(1))->IsLost(clock_.Now()));
  Beat(1);
  EXPECT_FALSE(cluster_.GetStore(StoreId(1))->IsLost(clock_.Now()));
}

TEST_F(ClusterTest, HowLongALostStoreIsSilentIsConfigured) {
  Cluster hasty(&clock_, seconds(4));
  hasty.PutStore(Store(1, "a:1"));
  clock_.Advance(seconds(3));
  EXPECT_FALSE(hasty.GetStore(StoreId(1))->IsLost(clock_.Now()));
  hasty.PutStore(Store(1, "b:1"));
  clock_.Advance(seconds(1));
  EXPECT_TRUE(hasty.GetStore(StoreId(1))->IsLost(clock_.Now()));
  pdpb::StoreStats stats;
  stats.set_store_id(1);
  ASSERT_TRUE(hasty.OnStoreHeartbeat(stats).ok());
  EXPECT_TRUE(hasty.GetStore(StoreId(1))->IsServing(clock_.Now()));
  clock_.Advance(seconds(4));
  EXPECT_FALSE(hasty.GetStore(StoreId(1))->IsServing(clock_.Now())) << "nor does it get replicas";
}

TEST_F(ClusterTest, StoreMovesOnceItWasSilentAtItsFormerAddress) {
  EXPECT_TRUE(cluster_.CheckAddress(Store(1, "a:1")).ok());
  cluster_.PutStore(Store(1, "a:1"));
  clock_.Advance(minutes(5));
  Beat(1);
  EXPECT_TRUE(cluster_.CheckAddress(Store(1, "a:1")).ok()) << "a restart";
  clock_.Advance(seconds(19));
  const absl::Status second = cluster_.CheckAddress(Store(1, "b:1"));
  EXPECT_TRUE(absl::IsAlreadyExists(second)) << second;
  EXPECT_NE(second.message().find("store 1 spoke from a:1 19 s ago"), std::string::npos) << second;
  clock_.Advance(seconds(1));
  EXPECT_TRUE(cluster_.CheckAddress(Store(1, "b:1")).ok());
}

TEST_F(ClusterTest, StoreThatNeverSpokeToThisLeaderIsNotLostAtOnce) {
  clock_.Advance(minutes(100));
  cluster_.PutStore(Store(1, "a:1"));
  EXPECT_FALSE(cluster_.GetStore(StoreId(1))->IsLost(clock_.Now()));
}

TEST_F(ClusterTest, RegisteringAgainKeepsHeartbeats) {
  cluster_.PutStore(Store(1, "a:1"));
  Beat(1);
  cluster_.PutStore(Store(1, "a:2"));
  EXPECT_TRUE(cluster_.GetStore(StoreId(1))->IsServing(clock_.Now()));
  EXPECT_EQ(cluster_.GetStore(StoreId(1))->meta.address(), "a:2");
}

TEST_F(ClusterTest, HeartbeatOfAnUnknownStoreIsRefused) {
  pdpb::StoreStats stats;
  stats.set_store_id(9);
  const absl::Status status = cluster_.OnStoreHeartbeat(stats);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "invalid store ID 9, not found");
}

TEST_F(ClusterTest, OnlyNewMetadataMustBeSaved) {
  const RegionPtr region = Region(1, 1, 1);
  EXPECT_TRUE(cluster_.PutRegion(region)->must_save);
  // Not known to be saved: again.
  EXPECT_TRUE(cluster_.PutRegion(region)->must_save);
  cluster_.OnRegionSaved(region->meta);
  EXPECT_FALSE(cluster_.PutRegion(region)->must_save);
  // A saved older epoch does not count for a newer one.
  EXPECT_TRUE(cluster_.PutRegion(Region(1, 2, 1))->must_save);
  cluster_.OnRegionSaved(region->meta);
  EXPECT_TRUE(cluster_.PutRegion(Region(1, 2, 1))->must_save);
}

TEST_F(ClusterTest, LoadedRegionsNeedNoSaving) {
  cluster_.LoadRegion(RegionFromMeta(Region(1, 1, 1)->meta));
  EXPECT_FALSE(cluster_.GetRegion(RegionId(1))->HasLeader());
  EXPECT_FALSE(cluster_.PutRegion(Region(1, 1, 1))->must_save);
  EXPECT_EQ(cluster_.GetRegion(RegionId(1))->leader_store(), StoreId(1));
}

TEST_F(ClusterTest, SplitRegionsTileTheKeySpace) {
  cluster_.LoadRegion(RegionFromMeta(Region(1, 1, 1)->meta));
  auto left = std::make_shared<RegionInfo>(*Region(2, 2, 1));
  left->meta.set_end_key("m");
  EXPECT_TRUE(cluster_.PutRegion(left)->must_save);
  EXPECT_EQ(cluster_.region_count(), 1u);
  auto right = std::make_shared<RegionInfo>(*Region(1, 2, 1));
  right->meta.set_start_key("m");
  EXPECT_TRUE(cluster_.PutRegion(right)->must_save);
  EXPECT_EQ(cluster_.GetRegionByKey("a")->id(), RegionId(2));
  EXPECT_EQ(cluster_.GetRegionByKey("z")->id(), RegionId(1));
}

}  // namespace
}  // namespace flotilla::pd
