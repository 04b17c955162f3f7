// Clusters of hosts in the simulator: members, snapshots and the length of logs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/multiraft/host.h"
#include "tests/support/sim_cluster.h"

namespace flotilla::testing {
namespace {

using std::chrono::seconds;
using ::testing::IsEmpty;

TEST(HostLogTest, MembersAreAddedAndRemoved) {
  SimCluster cluster({.seed = 18, .stores = 4});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(1, "k", "v" + std::to_string(i)));
  int leader = cluster.WaitForLeader(1);
  const PeerId fourth = PeerOf(RegionId(1), StoreId(4));
  raft::ConfChange change;
  change.steps = {{raft::ConfChangeStep::Type::kAddLearner, fourth}};
  ASSERT_TRUE(cluster.ProposeConfChange(leader, 1, change).ok());
  ASSERT_TRUE(cluster.world().RunUntil(
      [&] { return cluster.store(4).Storage(RegionId(1)).Get("k") == "v9"; }, seconds(10)))
      << "the learner gets a snapshot";
  change.steps = {{raft::ConfChangeStep::Type::kAddVoter, fourth}};
  ASSERT_TRUE(cluster.ProposeConfChange(leader, 1, change).ok());
  const int removed = leader % 3 + 1;
  change.steps = {{raft::ConfChangeStep::Type::kRemove, PeerOf(RegionId(1), StoreId(removed))}};
  ASSERT_TRUE(cluster.ProposeConfChange(leader, 1, change).ok());
  bool done = false;
  cluster.store(removed).Forget(RegionId(1));
  cluster.store(removed).host().RemoveGroup(RegionId(1), /*clear_log=*/true, {{"tombstone", "1"}},
                                            [&] { done = true; });
  ASSERT_TRUE(cluster.world().RunUntil([&] { return done; }, seconds(5)));
  auto log = cluster.log_engine(removed).Load(RegionId(1));
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(log->last.index, Index(0));
  EXPECT_TRUE(log->records.contains("tombstone"));
  // Two of the three that are left are enough.
  cluster.Crash(leader);
  ASSERT_TRUE(cluster.Put(1, "k", "after"));
  leader = cluster.LeaderOf(1);
  auto status = cluster.Inspect(leader, 1);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->node.conf_state.voters.size(), 3u);
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostLogTest, ARestartedMemberOfThePastDoesNotElectItself) {
  SimCluster cluster({.seed = 33, .stores = 3, .voters = 1});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  for (const uint64_t store : {2, 3}) {
    raft::ConfChange change;
    change.steps = {{raft::ConfChangeStep::Type::kAddVoter, PeerOf(RegionId(1), StoreId(store))}};
    ASSERT_TRUE(cluster.ProposeConfChange(1, 1, change).ok());
    ASSERT_TRUE(cluster.Put(1, "k", "v" + std::to_string(store)));
  }
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  // The data of store 1 know of no change: nothing was flushed since the region was made.
  cluster.Crash(1);
  ASSERT_TRUE(cluster.Put(1, "k", "after"));
  cluster.network().Isolate(StoreId(1));
  cluster.Restart(1);
  EXPECT_FALSE(cluster.world().RunUntil(
      [&] {
        const auto status = cluster.Inspect(1, 1);
        return status.ok() && status->node.soft_state.role == raft::Role::kLeader;
      },
      seconds(10)))
      << "one of three leads";
  cluster.network().Heal();
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  EXPECT_EQ(cluster.store(1).Storage(RegionId(1)).Get("k"), "after");
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostLogTest, ALeaderMayRemoveItself) {
  SimCluster cluster({.seed = 19});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  raft::ConfChange change;
  change.steps = {{raft::ConfChangeStep::Type::kRemove, PeerOf(RegionId(1), StoreId(leader))}};
  ASSERT_TRUE(cluster.ProposeConfChange(leader, 1, change).ok());
  ASSERT_TRUE(cluster.Put(1, "k", "v2", seconds(5)));
  const int successor = cluster.LeaderOf(1);
  EXPECT_NE(successor, leader);
  auto status = cluster.Inspect(successor, 1);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->node.conf_state.voters.size(), 2u);
  EXPECT_FALSE(cluster.store(leader).Lease(RegionId(1))->ValidAt(cluster.process(leader).Now()));
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostLogTest, TheLogIsBoundedAndAFollowerThatIsFarBehindGetsASnapshot) {
  multiraft::HostConfig host;
  host.max_log_entries = 200;
  host.min_truncated_entries = 20;
  SimCluster cluster({.seed = 20, .host = host, .flush_at_bytes = 2000});
  ASSERT_TRUE(cluster.Put(1, "k", "v0"));
  const int leader = cluster.WaitForLeader(1);
  const int down = leader % 3 + 1;
  cluster.Crash(down);
  uint64_t longest = 0;
  for (int i = 1; i <= 600; ++i) {
    ASSERT_TRUE(cluster.Put(1, fmt::format("k{}", i % 50), fmt::format("v{}", i)));
    if (i % 50 == 0) {
      cluster.world().RunFor(seconds(1));
      auto log = cluster.log_engine(cluster.LeaderOf(1)).Load(RegionId(1));
      ASSERT_TRUE(log.ok());
      longest = std::max(longest, log->last.index - log->truncated.index);
    }
  }
  EXPECT_LE(longest, 250u);
  cluster.Restart(down);
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  for (int i = 0; i < 50; ++i) {
    const std::string key = fmt::format("k{}", i);
    EXPECT_EQ(cluster.store(down).Storage(RegionId(1)).Get(key), cluster.history().Expected(key));
  }
  auto status = cluster.Inspect(down, 1);
  ASSERT_TRUE(status.ok());
  EXPECT_GT(status->log_truncated.index, Index(400)) << "came by snapshot";
  // The installed state survives a crash that comes before the data are flushed.
  cluster.Crash(down);
  cluster.Restart(down);
  ASSERT_TRUE(cluster.Put(1, "k1", "last"));
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  EXPECT_EQ(cluster.store(down).Storage(RegionId(1)).Get("k1"), "last");
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostLogTest, ALongLogStartsAFlush) {
  multiraft::HostConfig host;
  host.max_log_entries = 100;
  host.min_truncated_entries = 10;
  SimCluster cluster({.seed = 21, .host = host});
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(cluster.Put(1, "k", fmt::format("v{}", i)));
  cluster.world().RunFor(seconds(8));
  for (int store = 1; store <= 3; ++store) {
    auto log = cluster.log_engine(store).Load(RegionId(1));
    ASSERT_TRUE(log.ok());
    EXPECT_LE(log->last.index - log->truncated.index, 100u) << store;
    EXPECT_GT(cluster.store(store).Storage(RegionId(1)).FlushedApplied(), Index(100)) << store;
  }
}

}  // namespace
}  // namespace flotilla::testing
