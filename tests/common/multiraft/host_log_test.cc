// Clusters of hosts in the simulator: members, snapshots and the length of logs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/multiraft/host.h"
#include "common/raft/membership.h"
#include "tests/support/sim_cluster.h"

namespace flotilla::testing {
namespace {

using std::chrono::milliseconds;
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
  ASSERT_TRUE(cluster.world().RunUntil([&] { return !cluster.store(removed).Has(RegionId(1)); },
                                       seconds(5)));
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

TEST(HostLogTest, ALeaderThatIsToBeRemovedHandsOverFirst) {
  SimCluster cluster({.seed = 19});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  raft::ConfChange change;
  change.steps = {{raft::ConfChangeStep::Type::kRemove, PeerOf(RegionId(1), StoreId(leader))}};
  const env::Instant asked = cluster.world().now();
  EXPECT_FALSE(cluster.ProposeConfChange(leader, 1, change).ok()) << "it leads no more";
  ASSERT_TRUE(cluster.world().RunUntil(
      [&] { return cluster.LeaderOf(1) != 0 && cluster.LeaderOf(1) != leader; }, seconds(5)));
  EXPECT_LT(cluster.world().now() - asked, milliseconds(500)) << "no election timeout went by";
  const int successor = cluster.LeaderOf(1);
  ASSERT_TRUE(cluster.ProposeConfChange(successor, 1, change).ok());
  ASSERT_TRUE(cluster.Put(1, "k", "v2", milliseconds(500)));
  EXPECT_EQ(cluster.LeaderOf(1), successor);
  auto status = cluster.Inspect(successor, 1);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->node.conf_state.voters.size(), 2u);
  // It heard of its removal and went.
  EXPECT_TRUE(cluster.world().RunUntil([&] { return !cluster.store(leader).Has(RegionId(1)); },
                                       seconds(5)));
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostLogTest, ALeaderThatIsToBeDemotedByAJointChangeHandsOverFirst) {
  SimCluster cluster({.seed = 34, .stores = 4});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  raft::ConfChange change;
  change.steps = {{raft::ConfChangeStep::Type::kAddLearner, PeerOf(RegionId(1), StoreId(leader))},
                  {raft::ConfChangeStep::Type::kAddVoter, PeerOf(RegionId(1), StoreId(4))}};
  EXPECT_FALSE(cluster.ProposeConfChange(leader, 1, change).ok());
  ASSERT_TRUE(cluster.world().RunUntil(
      [&] { return cluster.LeaderOf(1) != 0 && cluster.LeaderOf(1) != leader; },
      milliseconds(500)));
  const int successor = cluster.LeaderOf(1);
  ASSERT_TRUE(cluster.ProposeConfChange(successor, 1, change).ok());
  ASSERT_TRUE(cluster.world().RunUntil(
      [&] {
        return !raft::IsJoint(cluster.store(successor).Storage(RegionId(1)).Load()->conf_state);
      },
      seconds(5)));
  EXPECT_EQ(cluster.LeaderOf(1), successor);
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

// Removals that nobody can be asked to lead for: the leader's word is all that the other one has.
TEST(HostLogTest, TheLastOfTwoLearnsThatTheOtherOneIsGone) {
  SimCluster cluster({.seed = 35, .stores = 2, .voters = 2});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  const int other = 3 - leader;
  raft::ConfChange change;
  change.steps = {{raft::ConfChangeStep::Type::kRemove, PeerOf(RegionId(1), StoreId(other))}};
  ASSERT_TRUE(cluster.ProposeConfChange(leader, 1, change).ok());
  ASSERT_TRUE(
      cluster.world().RunUntil([&] { return !cluster.store(other).Has(RegionId(1)); }, seconds(5)))
      << "it hears of its removal, and votes no more";
  // The data of the leader know of no change: nothing was flushed since the region was made.
  cluster.Crash(leader);
  cluster.Crash(other);
  cluster.Restart(leader);
  EXPECT_TRUE(cluster.Put(1, "k", "v2", seconds(30))) << "the commit of the removal is durable";
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
    EXPECT_GT(cluster.store(store)
                  .Storage(RegionId(1))
                  .FlushedApplied(PeerOf(RegionId(1), StoreId(store))),
              Index(100))
        << store;
  }
}

TEST(HostLogTest, BeforeTheLogEngineWritesTablesEveryLogIsCut) {
  multiraft::HostConfig host;
  host.truncate_interval = seconds(3600);
  SimCluster cluster({.seed = 22, .regions = 3, .host = host, .log_flush_at_bytes = 1000});
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(cluster.Put(1 + i % 3, fmt::format("k{}", i % 3), fmt::format("v{}", i)));
    // Followers keep what was applied in the last half second.
    if (i % 30 == 0) cluster.world().RunFor(seconds(1));
  }
  for (int store = 1; store <= 3; ++store) {
    for (int region = 1; region <= 3; ++region) {
      auto log = cluster.log_engine(store).Load(RegionId(region));
      ASSERT_TRUE(log.ok());
      EXPECT_LE(log->last.index - log->truncated.index, 60u) << store << " " << region;
      EXPECT_GT(log->truncated.index, Index(50)) << store << " " << region;
    }
  }
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostLogTest, AllLogsTogetherAreBoundedWhileAFollowerIsDown) {
  constexpr int kRegions = 12;
  constexpr uint64_t kMaxTotal = 60'000;
  multiraft::HostConfig host;
  host.max_total_log_bytes = kMaxTotal;
  SimCluster cluster({.seed = 23, .regions = kRegions, .host = host, .flush_at_bytes = 5000});
  for (int region = 1; region <= kRegions; ++region) {
    ASSERT_TRUE(cluster.Put(region, fmt::format("r{}", region), fmt::format("first{}", region)));
  }
  const int down = cluster.WaitForLeader(1) % 3 + 1;
  cluster.Crash(down);
  uint64_t most = 0;
  for (int i = 1; i <= 3000; ++i) {
    // Half of all goes to one region.
    const int region = i % 2 == 0 ? 1 : 1 + i / 2 % kRegions;
    ASSERT_TRUE(cluster.Put(region, fmt::format("r{}", region), fmt::format("v{}", i)));
    for (int store = 1; store <= 3; ++store) {
      if (cluster.IsUp(store)) most = std::max(most, cluster.log_engine(store).ApproximateBytes());
    }
  }
  EXPECT_LT(most, kMaxTotal * 5 / 4);
  EXPECT_GT(most, kMaxTotal / 2) << "or the limit was not tried";
  cluster.Restart(down);
  for (int region = 1; region <= kRegions; ++region) {
    ASSERT_TRUE(cluster.WaitForEqualApplied(region)) << region;
  }
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

// With a budget of less than two entries a round, and no cache, all its groups in turns.
TEST(HostLogTest, AFollowerThatWasAwayCatchesUpByTheLogALittleInEachRound) {
  constexpr int kRegions = 5;
  multiraft::HostConfig host;
  host.entry_cache_bytes = 300;
  host.max_round_read_bytes = 100;
  host.max_append_bytes = 64;
  SimCluster cluster({.seed = 21, .regions = kRegions, .host = host});
  for (int region = 1; region <= kRegions; ++region) {
    const std::string key = "r" + std::to_string(region);
    ASSERT_TRUE(cluster.Put(region, key, key + " begins"));
    ASSERT_TRUE(cluster.WaitForEqualApplied(region));
  }
  int away = 1;
  while (cluster.WaitForLeader(1) == away) ++away;
  cluster.network().Isolate(StoreId(away));
  for (int i = 0; i < 60; ++i) {
    for (int region = 1; region <= kRegions; ++region) {
      const std::string key = "r" + std::to_string(region);
      ASSERT_TRUE(cluster.Put(region, key, key + " round " + std::to_string(i)));
    }
  }
  cluster.network().Heal();
  // Heartbeats alone would bring one entry each 300 ms.
  for (int region = 1; region <= kRegions; ++region) {
    EXPECT_TRUE(cluster.WaitForEqualApplied(region, seconds(5))) << region;
  }
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

// Its disk stands still: what waits for it is bounded, and proposals are refused.
TEST(HostLogTest, ALeaderWhoseDiskIsBehindRefusesProposals) {
  multiraft::HostConfig host;
  host.max_log_queue_bytes = 2000;
  SimCluster cluster({.seed = 22, .host = host});
  ASSERT_TRUE(cluster.Put(1, "k", "v"));
  const int leader = cluster.WaitForLeader(1);
  cluster.process(leader).HoldStage("log-writer", true);
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    const KvCommand put{.key = "k" + std::to_string(i),
                        .value = std::string(100, 'v') + std::to_string(i)};
    const auto outcome = cluster.Propose(leader, 1, put, milliseconds(10));
    refused += absl::IsResourceExhausted(outcome.status());
  }
  EXPECT_GT(refused, 50);
  EXPECT_LT(refused, 100);
  cluster.process(leader).HoldStage("log-writer", false);
  ASSERT_TRUE(cluster.Put(1, "k", "after"));
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

}  // namespace
}  // namespace flotilla::testing
