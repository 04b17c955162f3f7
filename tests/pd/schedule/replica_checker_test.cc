#include "pd/schedule/replica_checker.h"

#include <gtest/gtest.h>

#include "tests/pd/cluster_builder.h"

namespace flotilla::pd {
namespace {

std::optional<Operator> Check(const ClusterBuilder& built, uint64_t region,
                              const AddingByStore& adding = {}) {
  std::optional<Operator> op;
  built.cluster.WithView([&](const ClusterView& view) {
    op = CheckReplicas({}, view, *view.regions.Find(RegionId(region)), adding);
  });
  return op;
}

StoreId AddTarget(const Operator& op) { return std::get<AddLearner>(op.steps.at(0)).store; }

TEST(ReplicaCheckerTest, SinglePeerGetsALearnerThatIsPromoted) {
  ClusterBuilder built(3);
  built.Put(MakeRegion(1, "", "", {1}));
  const auto op = Check(built, 1);
  ASSERT_TRUE(op.has_value());
  EXPECT_EQ(op->desc, "make-up-replica");
  ASSERT_EQ(op->steps.size(), 2u);
  EXPECT_EQ(AddTarget(*op), StoreId(2));
  EXPECT_EQ(std::get<PromoteLearner>(op->steps[1]).store, StoreId(2));
}

TEST(ReplicaCheckerTest, ThreeReplicasAreEnough) {
  ClusterBuilder built(4);
  built.Put(MakeRegion(1, "", "", {1, 2, 3}));
  EXPECT_FALSE(Check(built, 1).has_value());
}

TEST(ReplicaCheckerTest, NothingWithoutAnotherServingStore) {
  ClusterBuilder built(2);
  built.Put(MakeRegion(1, "", "", {1, 2}));
  EXPECT_FALSE(Check(built, 1).has_value());
  built.cluster.PutStore(MakeStore(3));
  EXPECT_FALSE(Check(built, 1).has_value()) << "store 3 never sent a heartbeat";
  built.Beat(3);
  EXPECT_TRUE(Check(built, 1).has_value());
}

TEST(ReplicaCheckerTest, TargetHasTheFewestPeers) {
  ClusterBuilder built(4);
  built.Put(MakeRegion(1, "", "a", {1, 2}));
  built.Put(MakeRegion(2, "a", "b", {1, 3}));
  built.Put(MakeRegion(3, "b", "c", {1, 3}));
  EXPECT_EQ(AddTarget(*Check(built, 1)), StoreId(4));
  // What is on its way counts too.
  EXPECT_EQ(AddTarget(*Check(built, 1, {{StoreId(4), 3}})), StoreId(3));
  EXPECT_FALSE(Check(built, 1, {{StoreId(4), 8}, {StoreId(3), 8}}).has_value());
}

TEST(ReplicaCheckerTest, LearnerThatWasLeftBehindIsPromotedOnceItCaughtUp) {
  ClusterBuilder built(3);
  auto region = MakeRegion(1, "", "", {1, 2, 3});
  region->meta.mutable_peers(2)->set_role(metapb::Learner);
  region->pending_peers.push_back(region->meta.peers(2));
  built.Put(region);
  EXPECT_FALSE(Check(built, 1).has_value());
  auto caught_up = std::make_shared<RegionInfo>(*region);
  caught_up->pending_peers.clear();
  built.Put(caught_up);
  const auto op = Check(built, 1);
  ASSERT_TRUE(op.has_value());
  EXPECT_EQ(std::get<PromoteLearner>(op->steps.at(0)).peer, PeerId(103));
}

TEST(ReplicaCheckerTest, LostStoreIsReplacedAndThenLeft) {
  ClusterBuilder built(4);
  built.clock.Advance(kStoreDownAfter);
  for (const uint64_t store : {1, 2, 4}) built.Beat(store);
  built.Put(MakeRegion(1, "", "", {1, 2, 3}));
  const auto op = Check(built, 1);
  ASSERT_TRUE(op.has_value());
  EXPECT_EQ(op->desc, "replace-lost-replica");
  EXPECT_EQ(AddTarget(*op), StoreId(4));
  auto replaced = MakeRegion(1, "", "", {1, 2, 3, 4});
  built.Put(replaced);
  const auto removal = Check(built, 1);
  ASSERT_TRUE(removal.has_value());
  EXPECT_EQ(std::get<RemovePeer>(removal->steps.at(0)).store, StoreId(3));
}

TEST(ReplicaCheckerTest, SilenceOfAMinuteReplacesNothing) {
  ClusterBuilder built(4);
  built.clock.Advance(std::chrono::minutes(1));
  for (const uint64_t store : {1, 2, 4}) built.Beat(store);
  built.Put(MakeRegion(1, "", "", {1, 2, 3}));
  EXPECT_FALSE(Check(built, 1).has_value());
}

TEST(ReplicaCheckerTest, SurplusGoesButNeverTheLeader) {
  ClusterBuilder built(4);
  built.Put(MakeRegion(2, "x", "", {4, 1, 2}));
  built.Put(MakeRegion(1, "", "x", {4, 1, 2, 3}));
  const auto op = Check(built, 1);
  ASSERT_TRUE(op.has_value());
  const StoreId removed = std::get<RemovePeer>(op->steps.at(0)).store;
  EXPECT_TRUE(removed == StoreId(1) || removed == StoreId(2)) << removed;
}

TEST(ReplicaCheckerTest, RegionWithoutLeaderOrInAJointConfigurationIsLeftAlone) {
  ClusterBuilder built(3);
  auto region = MakeRegion(1, "", "m", {1});
  region->leader.Clear();
  built.Put(region);
  EXPECT_FALSE(Check(built, 1).has_value());
  auto joint = MakeRegion(2, "m", "", {1, 2});
  joint->meta.mutable_peers(1)->set_role(metapb::IncomingVoter);
  built.Put(joint);
  EXPECT_FALSE(Check(built, 2).has_value());
}

}  // namespace
}  // namespace flotilla::pd
