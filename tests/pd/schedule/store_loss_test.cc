#include "pd/schedule/store_loss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pd/schedule/replica_checker.h"
#include "tests/pd/cluster_builder.h"

namespace flotilla::pd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreLossTest : public ::testing::Test {
 protected:
  absl::Status Check(uint64_t store) {
    absl::Status status;
    built_.cluster.WithView(
        [&](const ClusterView& view) { status = CheckMayDeclareLost(view, StoreId(store)); });
    return status;
  }
  // Only these stores speak, and have done so for long.
  void OnlyTheseSpeak(const std::vector<uint64_t>& stores) {
    built_.clock.Advance(kStoreDisconnectedAfter);
    for (const uint64_t store : stores) built_.Beat(store);
  }
  void Declare(uint64_t store, metapb::StoreState state = metapb::Offline) {
    metapb::Store meta = MakeStore(store);
    meta.set_state(state);
    meta.set_physically_destroyed(true);
    built_.cluster.PutStore(meta);
  }
  std::vector<StoreId> ToBury() {
    std::vector<StoreId> stores;
    built_.cluster.WithView([&](const ClusterView& view) { stores = LostStoresToBury(view); });
    return stores;
  }

  ClusterBuilder built_{4};
};

TEST_F(StoreLossTest, AStoreThatSpeaksIsNotLost) {
  built_.Put(MakeRegion(1, "", "", {1, 2, 3}));
  EXPECT_THAT(std::string(Check(3).message()), HasSubstr("PD heard of store 3 0 s ago"));
  built_.clock.Advance(kStoreDisconnectedAfter - std::chrono::seconds(1));
  built_.Beat(1);
  built_.Beat(2);
  EXPECT_THAT(std::string(Check(3).message()), HasSubstr("PD heard of store 3 19 s ago"));
  built_.clock.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(Check(3).ok()) << Check(3);
  EXPECT_TRUE(absl::IsNotFound(Check(9)));
}

TEST_F(StoreLossTest, ANewLeaderOfPdListensFirst) {
  built_.cluster.PutStore(MakeStore(5));
  EXPECT_THAT(std::string(Check(5).message()), HasSubstr("waits for store 5"));
}

TEST_F(StoreLossTest, NoRegionLosesItsMajority) {
  built_.Put(MakeRegion(1, "", "k", {1, 2, 3}));
  built_.Put(MakeRegion(2, "k", "", {1, 3, 4}));
  OnlyTheseSpeak({1, 2});
  EXPECT_THAT(std::string(Check(3).message()), HasSubstr("region 2 has no majority"));
  built_.Beat(4);
  EXPECT_TRUE(Check(3).ok()) << Check(3);
}

TEST_F(StoreLossTest, AReplicaThatIsDownOrCatchingUpDoesNotCount) {
  const auto region = MakeRegion(1, "", "", {1, 2, 3});
  built_.Put(region);
  OnlyTheseSpeak({1, 2});
  EXPECT_TRUE(Check(3).ok()) << Check(3);
  auto pending = std::make_shared<RegionInfo>(*region);
  pending->pending_peers = {region->meta.peers(1)};
  built_.Put(pending);
  EXPECT_THAT(std::string(Check(3).message()), HasSubstr("region 1 has no majority"));
  auto down = std::make_shared<RegionInfo>(*region);
  *down->down_peers.emplace_back().mutable_peer() = region->meta.peers(1);
  built_.Put(down);
  EXPECT_THAT(std::string(Check(3).message()), HasSubstr("region 1 has no majority"));
}

TEST_F(StoreLossTest, ALearnerIsNoPartOfAMajority) {
  const auto region = MakeRegion(1, "", "", {1, 2, 3, 4});
  region->meta.mutable_peers(3)->set_role(metapb::Learner);
  region->meta.mutable_peers(1)->set_role(metapb::Learner);
  built_.Put(region);
  OnlyTheseSpeak({1, 2, 4});
  EXPECT_THAT(std::string(Check(3).message()), HasSubstr("region 1 has no majority"));
}

TEST_F(StoreLossTest, TwoStoresAreNotDeclaredLostOneAfterTheOther) {
  built_.Put(MakeRegion(1, "", "", {1, 2, 3}));
  OnlyTheseSpeak({1, 2, 4});
  Declare(3);
  EXPECT_TRUE(Check(3).ok()) << "repeating it is no error";
  OnlyTheseSpeak({1, 4});
  EXPECT_THAT(std::string(Check(2).message()), HasSubstr("region 1 has no majority"));
}

TEST_F(StoreLossTest, ReplicasOfALostStoreAreReplacedAtOnce) {
  built_.Put(MakeRegion(1, "", "", {1, 2, 3}));
  OnlyTheseSpeak({1, 2, 4});
  const auto check = [&] {
    std::optional<Operator> op;
    built_.cluster.WithView([&](const ClusterView& view) {
      op = CheckReplicas({}, view, *view.regions.Find(RegionId(1)), {});
    });
    return op;
  };
  EXPECT_FALSE(check().has_value()) << "half an hour is not over";
  Declare(3);
  ASSERT_TRUE(check().has_value());
  EXPECT_EQ(check()->desc, "replace-lost-replica");
}

TEST_F(StoreLossTest, IsForgottenOnceNoReplicaIsLeft) {
  const auto region = MakeRegion(1, "", "", {1, 2, 3});
  built_.Put(region);
  EXPECT_THAT(ToBury(), IsEmpty());
  Declare(3);
  EXPECT_THAT(ToBury(), IsEmpty());
  auto moved = MakeRegion(1, "", "", {1, 2, 4});
  moved->meta.mutable_region_epoch()->set_conf_ver(4);
  built_.Put(moved);
  EXPECT_THAT(ToBury(), ElementsAre(StoreId(3)));
  Declare(3, metapb::Tombstone);
  EXPECT_THAT(ToBury(), IsEmpty());
}

}  // namespace
}  // namespace flotilla::pd
