// PD's members together, in the simulator: what clients were given stays true across changes of
// leader, crashes, partitions, pauses and wall clocks that jump.
#include "tests/pd/sim/pd_cluster.h"

#include <gtest/gtest.h>

#include <set>

namespace flotilla::pd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int64_t kYearMs = int64_t{365} * 24 * 3600 * 1000;

TEST(PdClusterTest, OneMemberLeadsAtOnce) {
  PdCluster cluster(1, 1);
  ASSERT_TRUE(cluster.world().RunUntil([&] { return cluster.Leader().has_value(); }, seconds(2)));
  EXPECT_NE(cluster.ClusterId(0), 0u);
  EXPECT_TRUE(cluster.Tso(0).ok());
}

TEST(PdClusterTest, AllMembersAgreeOnTheClusterId) {
  for (const int members : {3, 5}) {
    PdCluster cluster(2, members);
    ASSERT_TRUE(cluster.WaitForLeader().has_value());
    cluster.world().RunFor(seconds(2));
    for (size_t i = 0; i < cluster.size(); ++i) {
      EXPECT_NE(cluster.ClusterId(i), 0u);
      EXPECT_EQ(cluster.ClusterId(i), cluster.ClusterId(0));
      const auto leader = cluster.process(i).replica->leadership().leader();
      EXPECT_EQ(StoreId(leader.value()), cluster.store_id(*cluster.Leader()));
    }
  }
}

TEST(PdClusterTest, ClusterIdSurvivesTheCrashOfAll) {
  PdCluster cluster(3, 3);
  ASSERT_TRUE(cluster.WaitForLeader().has_value());
  const uint64_t id = cluster.ClusterId(*cluster.Leader());
  for (size_t i = 0; i < 3; ++i) cluster.Crash(i);
  for (size_t i = 0; i < 3; ++i) cluster.Start(i);
  ASSERT_TRUE(cluster.WaitForLeader().has_value());
  EXPECT_EQ(cluster.ClusterId(*cluster.Leader()), id);
}

TEST(PdClusterTest, NextLeaderAnswersWithinThreeSeconds) {
  PdCluster cluster(4, 3);
  const auto first = cluster.WaitForLeader();
  ASSERT_TRUE(first.has_value());
  const auto before = cluster.Tso(*first);
  ASSERT_TRUE(before.ok());
  cluster.Crash(*first);
  ASSERT_TRUE(cluster.world().RunUntil([&] { return cluster.Leader().has_value(); }, seconds(3)));
  const auto after = cluster.Tso(*cluster.Leader());
  ASSERT_TRUE(after.ok());
  EXPECT_GT(*after, *before);
}

TEST(PdClusterTest, LeaderThatWasPausedIsSilentWhenItWakes) {
  PdCluster cluster(5, 3);
  const auto old_leader = cluster.WaitForLeader();
  ASSERT_TRUE(old_leader.has_value());
  ASSERT_TRUE(cluster.Tso(*old_leader).ok());
  cluster.process(*old_leader).scheduler.Pause();
  cluster.world().RunFor(seconds(5));
  const auto new_leader = cluster.WaitForLeader();
  ASSERT_TRUE(new_leader.has_value());
  ASSERT_NE(*new_leader, *old_leader);
  const auto newer = cluster.Tso(*new_leader);
  ASSERT_TRUE(newer.ok());
  cluster.process(*old_leader).scheduler.Resume();
  // Before any of its stages has run again.
  EXPECT_EQ(cluster.process(*old_leader).replica->leadership().Current(), nullptr);
  const auto refused = cluster.Tso(*old_leader);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
}

TEST(PdClusterTest, MinorityServesNothing) {
  PdCluster cluster(6, 3);
  const auto leader = cluster.WaitForLeader();
  ASSERT_TRUE(leader.has_value());
  cluster.network().Isolate(cluster.store_id(*leader));
  cluster.world().RunFor(seconds(3));
  EXPECT_EQ(cluster.Tso(*leader).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(cluster.AllocIds(*leader, 1).status().code(), absl::StatusCode::kUnavailable);
}

TEST(PdClusterTest, LeadershipIsHandedOnWhenAsked) {
  PdCluster cluster(7, 3);
  const auto leader = cluster.WaitForLeader();
  ASSERT_TRUE(leader.has_value());
  cluster.world().RunFor(seconds(1));
  cluster.process(*leader).replica->TransferLeadershipAway();
  EXPECT_TRUE(cluster.world().RunUntil(
      [&] { return cluster.Leader().has_value() && *cluster.Leader() != *leader; }, seconds(1)));
}

// A leader gives its lease up for the rest of the term when it begins to hand on.
TEST(PdClusterTest, HandingOnIsRepeatedWhenItFailed) {
  PdCluster cluster(9, 3);
  const auto leader = cluster.WaitForLeader();
  ASSERT_TRUE(leader.has_value());
  cluster.world().RunFor(seconds(1));
  testing::NetworkFaults loses_all;
  loses_all.drop = 1;
  cluster.network().SetFaults(loses_all);
  cluster.process(*leader).replica->TransferLeadershipAway();
  cluster.world().RunFor(milliseconds(300));
  cluster.network().SetFaults({});
  ASSERT_FALSE(cluster.Leader().has_value()) << "nothing was begun";
  EXPECT_TRUE(cluster.world().RunUntil([&] { return cluster.Leader().has_value(); }, seconds(10)));
}

TEST(PdClusterTest, MemberFarBehindCatchesUpBySnapshot) {
  PdCluster cluster(8, 3);
  const auto leader = cluster.WaitForLeader();
  ASSERT_TRUE(leader.has_value());
  const size_t behind = (*leader + 1) % 3;
  cluster.Crash(behind);
  for (size_t i = 0; i < 3; ++i) {
    if (i != behind) cluster.Crash(i);
  }
  cluster.host_config.max_log_entries = 50;
  for (size_t i = 0; i < 3; ++i) {
    if (i != behind) cluster.Start(i);
  }
  ASSERT_TRUE(cluster.WaitForLeader().has_value());
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(cluster.AllocIds(*cluster.Leader(), kIdReservation).ok());
  }
  cluster.world().RunFor(seconds(20));
  absl::StatusOr<multiraft::GroupStatus> status = absl::UnknownError("");
  cluster.process(*cluster.Leader()).replica->Inspect([&](auto answer) { status = answer; });
  cluster.world().RunFor(seconds(1));
  ASSERT_TRUE(status.ok());
  ASSERT_GT(status->log_truncated.index, Index(100)) << "the log was not cut";
  cluster.Start(behind);
  const auto same = [&] {
    return cluster.process(behind).replica->store().reader().Cluster()->next_id() ==
           cluster.process(*cluster.Leader()).replica->store().reader().Cluster()->next_id();
  };
  EXPECT_TRUE(cluster.world().RunUntil(same, seconds(20)));
  // A crash right after the installation, of which nothing is flushed, must not lose it.
  cluster.Crash(behind);
  cluster.Start(behind);
  EXPECT_TRUE(cluster.world().RunUntil(same, seconds(20)));
}

// A client asks whoever leads, one request after the other; members crash, restart, are cut off and
// paused, and their wall clocks jump by up to a year. Timestamps increase and ids are unique, over
// all.
class PdFaultsTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  void Disturb(PdCluster& cluster) {
    env::Random& random = cluster.random();
    const size_t member = random.Uniform(cluster.size());
    switch (random.Uniform(6)) {
      case 0:
        if (cluster.IsUp(member)) {
          cluster.Crash(member);
          down_.insert(member);
        }
        break;
      case 1:
        for (const size_t i : down_) cluster.Start(i);
        down_.clear();
        break;
      case 2:
        cluster.network().Isolate(cluster.store_id(member));
        break;
      case 3:
        cluster.network().Heal();
        break;
      case 4:
        cluster.SetSkew(member, static_cast<int64_t>(random.Uniform(2 * kYearMs)) - kYearMs);
        break;
      case 5:
        if (cluster.IsUp(member)) {
          PauseForAWhile(cluster, member);
        }
        break;
    }
  }
  void PauseForAWhile(PdCluster& cluster, size_t member) {
    cluster.process(member).scheduler.Pause();
    cluster.world().RunFor(milliseconds(cluster.random().Uniform(4000)));
    cluster.process(member).scheduler.Resume();
  }

  std::set<size_t> down_;
};

TEST_P(PdFaultsTest, TimestampsIncreaseAndIdsAreUnique) {
  PdCluster cluster(GetParam(), 3);
  Timestamp last;
  std::set<uint64_t> ids;
  int timestamps = 0;
  for (int round = 0; round < 60; ++round) {
    Disturb(cluster);
    cluster.world().RunFor(milliseconds(cluster.random().Uniform(3000)));
    for (size_t i = 0; i < cluster.size(); ++i) {
      // Members that do not lead are asked too: they must refuse.
      if (!cluster.IsUp(i)) continue;
      if (const auto timestamp = cluster.Tso(i); timestamp.ok()) {
        ASSERT_GT(*timestamp, last) << "round " << round << " member " << i;
        last = *timestamp;
        ++timestamps;
      }
      const auto count = static_cast<uint32_t>(cluster.random().Between(1, 700));
      if (const auto first = cluster.AllocIds(i, count); first.ok()) {
        for (uint64_t id = *first; id < *first + count; ++id) {
          ASSERT_TRUE(ids.insert(id).second) << "id " << id << " was given out twice";
        }
      }
    }
  }
  cluster.network().Heal();
  for (const size_t i : down_) cluster.Start(i);
  ASSERT_TRUE(cluster.WaitForLeader().has_value()) << "no progress after the faults are healed";
  const auto timestamp = cluster.Tso(*cluster.Leader());
  ASSERT_TRUE(timestamp.ok()) << timestamp.status();
  EXPECT_GT(*timestamp, last);
  EXPECT_GT(timestamps, 5);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PdFaultsTest, ::testing::Range<uint64_t>(1, 21));

}  // namespace
}  // namespace flotilla::pd
