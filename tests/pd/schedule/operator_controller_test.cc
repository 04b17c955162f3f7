#include "pd/schedule/operator_controller.h"

#include <gtest/gtest.h>

#include "tests/pd/cluster_builder.h"

namespace flotilla::pd {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class OperatorControllerTest : public testing::Test {
 protected:
  static Operator AddReplica(const RegionInfo& region) {
    return MakeOperator(
        "make-up-replica", OperatorKind::kReplica, region,
        {AddLearner{StoreId(2), PeerId(102)}, PromoteLearner{StoreId(2), PeerId(102)}});
  }

  env::ManualClock clock_;
  OperatorController controller_{&clock_, OperatorLimits()};
};

TEST_F(OperatorControllerTest, StepsFollowTheHeartbeatsThatProveThem) {
  RegionPtr region = MakeRegion(1, "", "", {1});
  ASSERT_TRUE(controller_.Add(AddReplica(*region)).ok());
  auto add = controller_.OnRegion(*region);
  ASSERT_TRUE(add.has_value());
  EXPECT_EQ(add->change_peer().change_type(), eraftpb::AddLearnerNode);
  EXPECT_EQ(add->target_peer().id(), region->leader.id());
  EXPECT_EQ(add->region_epoch().conf_ver(), 1u);

  region = Obey(*region, *add);
  auto promote = controller_.OnRegion(*region);
  ASSERT_TRUE(promote.has_value());
  EXPECT_EQ(promote->change_peer().change_type(), eraftpb::AddNode);
  EXPECT_EQ(controller_.Status(RegionId(1))->status, pdpb::RUNNING);

  region = Obey(*region, *promote);
  EXPECT_FALSE(controller_.OnRegion(*region).has_value());
  EXPECT_EQ(controller_.Status(RegionId(1))->status, pdpb::SUCCESS);
  EXPECT_EQ(controller_.running_count(), 0u);
}

TEST_F(OperatorControllerTest, LearnerIsNotPromotedWhileItCatchesUp) {
  RegionPtr region = MakeRegion(1, "", "", {1});
  ASSERT_TRUE(controller_.Add(AddReplica(*region)).ok());
  auto behind = Obey(*region, *controller_.OnRegion(*region));
  behind->pending_peers.push_back(behind->meta.peers(1));
  clock_.Advance(seconds(3));
  const auto again = controller_.OnRegion(*behind);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->change_peer().change_type(), eraftpb::AddLearnerNode);
}

// Found by flotilla-sim: the region waited for its replica on a store that had lost its disk.
TEST_F(OperatorControllerTest, WhatGoesToALostStoreIsGivenUp) {
  RegionPtr region = MakeRegion(1, "", "", {1});
  ASSERT_TRUE(controller_.Add(AddReplica(*region)).ok());
  controller_.GiveUpLostTargets({});
  controller_.GiveUpLostTargets({StoreId(1), StoreId(3)});
  ASSERT_TRUE(controller_.HasOperator(RegionId(1)));
  controller_.GiveUpLostTargets({StoreId(2)});
  EXPECT_FALSE(controller_.HasOperator(RegionId(1)));
  EXPECT_EQ(controller_.Status(RegionId(1))->status, pdpb::CANCEL);
  EXPECT_NE(controller_.Status(RegionId(1))->reason.find("store 2 is lost"), std::string::npos);
}

TEST_F(OperatorControllerTest, InstructionIsRepeatedOnlyAfterAWhile) {
  const RegionPtr region = MakeRegion(1, "", "", {1});
  ASSERT_TRUE(controller_.Add(AddReplica(*region)).ok());
  EXPECT_EQ(controller_.RegionsToRemind().size(), 1u);
  EXPECT_TRUE(controller_.OnRegion(*region).has_value());
  EXPECT_FALSE(controller_.OnRegion(*region).has_value());
  EXPECT_TRUE(controller_.RegionsToRemind().empty());
  clock_.Advance(seconds(2));
  EXPECT_EQ(controller_.RegionsToRemind().size(), 1u);
  EXPECT_TRUE(controller_.OnRegion(*region).has_value());
}

TEST_F(OperatorControllerTest, OneOperatorARegion) {
  const RegionPtr region = MakeRegion(1, "", "", {1});
  ASSERT_TRUE(controller_.Add(AddReplica(*region)).ok());
  EXPECT_EQ(controller_.Add(AddReplica(*region)).code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(OperatorControllerTest, KindsAreLimited) {
  OperatorController controller(&clock_, {.replica = 2});
  for (uint64_t id = 1; id <= 2; ++id) {
    ASSERT_TRUE(controller.Add(AddReplica(*MakeRegion(id, "", "", {1}))).ok());
  }
  EXPECT_FALSE(controller.HasRoom(OperatorKind::kReplica));
  EXPECT_EQ(controller.Add(AddReplica(*MakeRegion(3, "", "", {1}))).code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(OperatorControllerTest, SplitOfTheRegionCancels) {
  const RegionPtr region = MakeRegion(1, "", "", {1});
  ASSERT_TRUE(controller_.Add(AddReplica(*region)).ok());
  EXPECT_FALSE(controller_.OnRegion(*MakeRegion(1, "", "m", {1}, 2)).has_value());
  EXPECT_EQ(controller_.Status(RegionId(1))->status, pdpb::CANCEL);
}

TEST_F(OperatorControllerTest, ForeignChangeOfPeersCancels) {
  const RegionPtr region = MakeRegion(1, "", "", {1});
  ASSERT_TRUE(controller_.Add(AddReplica(*region)).ok());
  auto changed = MakeRegion(1, "", "", {1, 3});
  changed->meta.mutable_region_epoch()->set_conf_ver(4);
  EXPECT_FALSE(controller_.OnRegion(*changed).has_value());
  EXPECT_EQ(controller_.Status(RegionId(1))->status, pdpb::CANCEL);
}

TEST_F(OperatorControllerTest, OverdueStepsAreGivenUp) {
  for (uint64_t id = 1; id <= 5; ++id) {
    ASSERT_TRUE(controller_.Add(AddReplica(*MakeRegion(id, "", "", {1}))).ok());
  }
  clock_.Advance(minutes(9));
  controller_.ExpireOverdue();
  EXPECT_EQ(controller_.running_count(), 5u);
  clock_.Advance(minutes(2));
  controller_.ExpireOverdue();
  EXPECT_EQ(controller_.running_count(), 0u);
  for (uint64_t id = 1; id <= 5; ++id) {
    EXPECT_EQ(controller_.Status(RegionId(id))->status, pdpb::TIMEOUT);
  }
  EXPECT_TRUE(controller_.HasRoom(OperatorKind::kReplica));
}

TEST_F(OperatorControllerTest, OperatorWithoutStepsSucceedsAtOnce) {
  const RegionPtr region = MakeRegion(1, "", "", {1});
  ASSERT_TRUE(
      controller_.Add(MakeOperator("scatter-region", OperatorKind::kLeader, *region, {})).ok());
  EXPECT_EQ(controller_.Status(RegionId(1))->status, pdpb::SUCCESS);
  EXPECT_EQ(controller_.Status(RegionId(1))->desc, "scatter-region");
  EXPECT_FALSE(controller_.Status(RegionId(2)).has_value());
}

TEST_F(OperatorControllerTest, SplitIsDoneWhenNoKeyLiesInside) {
  const RegionPtr region = MakeRegion(1, "", "", {1});
  ASSERT_TRUE(controller_
                  .Add(MakeOperator("split-keyspace", OperatorKind::kSplit, *region,
                                    {SplitRegion{{"b", "d"}}}))
                  .ok());
  auto split = controller_.OnRegion(*region);
  ASSERT_TRUE(split.has_value());
  EXPECT_EQ(split->split_region().policy(), pdpb::USEKEY);
  EXPECT_EQ(split->split_region().keys_size(), 2);
  // One key was cut; the other one is asked for again.
  clock_.Advance(seconds(3));
  split = controller_.OnRegion(*MakeRegion(1, "b", "", {1}, 2));
  ASSERT_TRUE(split.has_value());
  ASSERT_EQ(split->split_region().keys_size(), 1);
  EXPECT_EQ(split->split_region().keys(0), "d");
  EXPECT_FALSE(controller_.OnRegion(*MakeRegion(1, "d", "", {1}, 3)).has_value());
  EXPECT_EQ(controller_.Status(RegionId(1))->status, pdpb::SUCCESS);
}

TEST_F(OperatorControllerTest, HistoryIsBounded) {
  OperatorController controller(&clock_, {.history = 3});
  for (uint64_t id = 1; id <= 5; ++id) {
    ASSERT_TRUE(controller
                    .Add(MakeOperator("scatter-region", OperatorKind::kLeader,
                                      *MakeRegion(id, "", "", {1}), {}))
                    .ok());
  }
  EXPECT_FALSE(controller.Status(RegionId(2)).has_value());
  EXPECT_TRUE(controller.Status(RegionId(3)).has_value());
}

}  // namespace
}  // namespace flotilla::pd
