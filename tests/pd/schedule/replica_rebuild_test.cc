#include "pd/schedule/replica_rebuild.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pd/schedule/store_loss.h"
#include "tests/pd/cluster_builder.h"

namespace flotilla::pd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReplicaRebuildTest : public ::testing::Test {
 protected:
  explicit ReplicaRebuildTest(int stores = 4) : built_(stores) {}

  absl::StatusOr<Operator> Plan(uint64_t store, const std::set<PeerId>& differing = {}) {
    absl::StatusOr<Operator> op = absl::UnknownError("");
    built_.cluster.WithView([&](const ClusterView& view) {
      op = PlanRebuild({}, view, *view.regions.Find(RegionId(1)), {}, {StoreId(store), differing});
    });
    return op;
  }
  std::vector<std::string> Steps(uint64_t store, const std::set<PeerId>& differing = {}) {
    const auto op = Plan(store, differing);
    EXPECT_TRUE(op.ok()) << op.status();
    std::vector<std::string> steps;
    if (!op.ok()) return steps;
    EXPECT_EQ(op->desc, kRebuildReplica);
    for (const OpStep& step : op->steps) steps.push_back(Describe(step));
    return steps;
  }
  std::string Refusal(uint64_t store, const std::set<PeerId>& differing = {}) {
    const auto op = Plan(store, differing);
    EXPECT_TRUE(absl::IsFailedPrecondition(op.status())) << op.status();
    return std::string(op.status().message());
  }

  ClusterBuilder built_;
};

class ThreeStoresRebuildTest : public ReplicaRebuildTest {
 protected:
  ThreeStoresRebuildTest() : ReplicaRebuildTest(3) {}
};

TEST_F(ReplicaRebuildTest, AnotherStoreGetsTheNewReplicaFirst) {
  built_.Put(MakeRegion(1, "", "", {1, 2, 3}));
  EXPECT_THAT(Steps(3), ElementsAre("add learner 0 on store 4", "promote learner 0 on store 4",
                                    "remove peer 103 on store 3"));
}

TEST_F(ThreeStoresRebuildTest, WithoutAnotherStoreTheOldReplicaGoesFirst) {
  built_.Put(MakeRegion(1, "", "", {1, 2, 3}));
  EXPECT_THAT(Steps(3), ElementsAre("remove peer 103 on store 3", "add learner 0 on store 3",
                                    "promote learner 0 on store 3"));
}

TEST_F(ReplicaRebuildTest, TheLeaderHandsOnFirst) {
  built_.Put(MakeRegion(1, "", "z", {1, 2, 3}));
  built_.Put(MakeRegion(5, "z", "", {2, 3, 4}));
  // Store 2 leads another region.
  EXPECT_THAT(Steps(1),
              ElementsAre("transfer leader from store 1 to store 3", "add learner 0 on store 4",
                          "promote learner 0 on store 4", "remove peer 101 on store 1"));
}

TEST_F(ReplicaRebuildTest, ALeaderThatDiffersIsNotCopied) {
  const auto region = MakeRegion(1, "", "", {1, 2, 3, 4});
  built_.Put(region);
  // Peer 101 leads and differs; peer 104 is to be made anew.
  const auto op = Plan(4, {PeerId(101)});
  EXPECT_FALSE(op.ok()) << "two of four are no majority";
  built_.Put([&] {
    auto three = std::make_shared<RegionInfo>(*region);
    three->meta.mutable_peers()->DeleteSubrange(3, 1);
    three->meta.mutable_region_epoch()->set_conf_ver(2);
    return three;
  }());
  EXPECT_THAT(Steps(1, {PeerId(101)})[0], HasSubstr("transfer leader from store 1"));
  EXPECT_THAT(Refusal(2, {PeerId(101)}), HasSubstr("no majority of sound voters"));
}

TEST_F(ReplicaRebuildTest, RefusesWithoutAMajorityOfTheOthers) {
  const auto region = MakeRegion(1, "", "", {1, 2, 3});
  built_.Put(region);
  auto down = std::make_shared<RegionInfo>(*region);
  *down->down_peers.emplace_back().mutable_peer() = region->meta.peers(1);
  built_.Put(down);
  EXPECT_THAT(Refusal(3), HasSubstr("region 1 has no majority of sound voters without its replica "
                                    "on store 3"));
  // The one that is down may be made anew.
  EXPECT_EQ(Steps(2).size(), 3u);
}

TEST_F(ReplicaRebuildTest, RefusesWhatItDoesNotUnderstand) {
  built_.Put(MakeRegion(1, "", "", {1, 2, 3}));
  EXPECT_TRUE(absl::IsNotFound(Plan(4).status()));
  auto joint = MakeRegion(1, "", "", {1, 2, 3});
  joint->meta.mutable_peers(1)->set_role(metapb::IncomingVoter);
  joint->meta.mutable_region_epoch()->set_conf_ver(2);
  built_.Put(joint);
  EXPECT_THAT(Refusal(3), HasSubstr("changing its members"));
}

TEST_F(ThreeStoresRebuildTest, RefusesWithoutRoom) {
  built_.Put(MakeRegion(1, "", "", {1, 2, 3}));
  pdpb::StoreStats full;
  full.set_store_id(3);
  full.set_capacity(1000);
  ASSERT_TRUE(built_.cluster.OnStoreHeartbeat(full).ok());
  EXPECT_THAT(Refusal(3), HasSubstr("no store has room"));
}

TEST_F(ReplicaRebuildTest, ALearnerOnlyGoes) {
  const auto region = MakeRegion(1, "", "", {1, 2, 3, 4});
  region->meta.mutable_peers(3)->set_role(metapb::Learner);
  built_.Put(region);
  EXPECT_THAT(Steps(4), ElementsAre("remove peer 104 on store 4"));
}

}  // namespace
}  // namespace flotilla::pd
