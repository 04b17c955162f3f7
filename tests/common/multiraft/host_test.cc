// Clusters of hosts in the simulator: writes, and what becomes of them when stores die.
#include "common/multiraft/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "common/errors/region_error.h"
#include "tests/support/sim_cluster.h"

namespace flotilla::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = KvCommand::Kind;

TEST(HostTest, AWriteIsAppliedOnAllStores) {
  SimCluster cluster({.seed = 1});
  ASSERT_NE(cluster.WaitForLeader(1), 0);
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  for (int store = 1; store <= 3; ++store) {
    EXPECT_EQ(cluster.store(store).Storage(RegionId(1)).Get("k"), "v1") << store;
  }
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostTest, EachStageOfAWriteIsTimedOnTheLeader) {
  SimCluster cluster({.seed = 1});
  const int leader = cluster.WaitForLeader(1);
  ASSERT_NE(leader, 0);
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const std::string text = cluster.store(leader).metrics().ToText();
  for (const std::string stage : {"propose", "commit", "apply"}) {
    EXPECT_THAT(text,
                HasSubstr("flotilla_raft_write_stage_seconds_count{stage=\"" + stage + "\"} 1"));
  }
}

TEST(HostTest, TheSameSeedGivesTheSameRun) {
  uint64_t steps[2];
  env::Instant ends[2];
  for (int run = 0; run < 2; ++run) {
    SimCluster cluster({.seed = 7, .regions = 5});
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(cluster.Put(1 + i % 5, "k", "v" + std::to_string(i)));
    }
    steps[run] = cluster.world().steps();
    ends[run] = cluster.world().now();
  }
  EXPECT_EQ(steps[0], steps[1]);
  EXPECT_EQ(ends[0], ends[1]);
}

TEST(HostTest, AFollowerRefusesAndNamesTheLeader) {
  SimCluster cluster({.seed = 2});
  const int leader = cluster.WaitForLeader(1);
  ASSERT_NE(leader, 0);
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int follower = leader % 3 + 1;
  auto result = cluster.Propose(follower, 1, {Kind::kPut, "k", "v2"});
  EXPECT_TRUE(absl::IsFailedPrecondition(result.status())) << result.status();
  const PeerId leader_peer = PeerOf(RegionId(1), StoreId(leader));
  EXPECT_NE(result.status().ToString().find(fmt::format("{}", leader_peer)), std::string::npos);
}

TEST(HostTest, RequestsForUnknownGroupsAreToldSo) {
  SimCluster cluster({.seed = 2});
  EXPECT_TRUE(absl::IsNotFound(cluster.Propose(1, 77, {Kind::kPut, "k", "v"}).status()));
  EXPECT_TRUE(absl::IsNotFound(cluster.Read(1, 77)));
  EXPECT_TRUE(absl::IsNotFound(cluster.Inspect(1, 77).status()));
}

TEST(HostTest, WaitingProposalsAreMergedIntoOneEntry) {
  SimCluster cluster({.seed = 3});
  const int leader = cluster.WaitForLeader(1);
  ASSERT_NE(leader, 0);
  std::set<Index> entries;
  int applied = 0;
  for (int i = 0; i < 100; ++i) {
    multiraft::Proposal proposal;
    proposal.command = EncodeKvCommand({Kind::kPut, fmt::format("k{}", i), fmt::format("v{}", i)});
    proposal.callback = [&](absl::StatusOr<multiraft::Applied> result) {
      ASSERT_TRUE(result.ok()) << result.status();
      entries.insert(result->at.index);
      ++applied;
    };
    cluster.store(leader).host().Propose(RegionId(1), std::move(proposal));
  }
  ASSERT_TRUE(cluster.world().RunUntil([&] { return applied == 100; }, seconds(5)));
  EXPECT_LT(entries.size(), 5u);
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  EXPECT_EQ(cluster.store(leader % 3 + 1).Storage(RegionId(1)).Get("k99"), "v99");
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostTest, CommandsThatReadSeeAllThatCameBefore) {
  SimCluster cluster({.seed = 4});
  const int leader = cluster.WaitForLeader(1);
  ASSERT_NE(leader, 0);
  int applied = 0;
  std::string last;
  for (int i = 0; i < 20; ++i) {
    multiraft::Proposal proposal;
    const bool append = i % 2 == 1;
    proposal.command =
        EncodeKvCommand({append ? Kind::kAppend : Kind::kPut, "k", fmt::format("v{}", i)});
    proposal.own_entry = append;
    proposal.callback = [&](absl::StatusOr<multiraft::Applied> result) {
      ASSERT_TRUE(result.ok()) << result.status();
      last = result->payload;
      ++applied;
    };
    cluster.store(leader).host().Propose(RegionId(1), std::move(proposal));
  }
  ASSERT_TRUE(cluster.world().RunUntil([&] { return applied == 20; }, seconds(5)));
  EXPECT_EQ(last, "v18,v19");
  EXPECT_EQ(cluster.history().Expected("k"), "v18,v19");
}

TEST(HostTest, ACommandBeyondTheEntryLimitIsRefused) {
  multiraft::HostConfig host;
  host.max_entry_bytes = 1000;
  SimCluster cluster({.seed = 4, .host = host});
  const int leader = cluster.WaitForLeader(1);
  ASSERT_NE(leader, 0);
  auto result = cluster.Propose(leader, 1, {Kind::kPut, "k", std::string(1000, 'x')});
  EXPECT_FALSE(result.ok());
  EXPECT_FALSE(errors::IsUndetermined(result.status()));
  EXPECT_TRUE(cluster.Propose(leader, 1, {Kind::kPut, "k", std::string(900, 'x')}).ok());
}

TEST(HostTest, AnAcknowledgedWriteSurvivesTheDeathOfItsLeader) {
  SimCluster cluster({.seed = 5});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(1, "k", "v" + std::to_string(i)));
  const int leader = cluster.WaitForLeader(1);
  cluster.Crash(leader);
  const env::Instant crashed = cluster.world().now();
  ASSERT_TRUE(cluster.Put(1, "other", "w"));
  EXPECT_LT(cluster.world().now() - crashed, seconds(4));
  const int successor = cluster.LeaderOf(1);
  EXPECT_NE(successor, leader);
  EXPECT_EQ(cluster.store(successor).Storage(RegionId(1)).Get("k"), "v9");
  cluster.Restart(leader);
  ASSERT_TRUE(cluster.Put(1, "third", "x"));
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  EXPECT_EQ(cluster.store(leader).Storage(RegionId(1)).Get("k"), "v9") << "replayed from the log";
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostTest, AllStoresMayDieAtOnce) {
  SimCluster cluster({.seed = 6, .regions = 3});
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(cluster.Put(1 + i % 3, fmt::format("r{}", 1 + i % 3), fmt::format("v{}", i)));
  }
  for (int store = 1; store <= 3; ++store) cluster.Crash(store);
  for (int store = 1; store <= 3; ++store) cluster.Restart(store);
  for (int region = 1; region <= 3; ++region) {
    ASSERT_TRUE(cluster.Put(region, fmt::format("after{}", region), fmt::format("w{}", region)));
    ASSERT_TRUE(cluster.WaitForEqualApplied(region));
    for (int store = 1; store <= 3; ++store) {
      const std::string key = fmt::format("r{}", region);
      EXPECT_EQ(cluster.store(store).Storage(RegionId(region)).Get(key),
                cluster.history().Expected(key));
    }
  }
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostTest, AProposalOfADeposedLeaderIsOverwrittenAndFails) {
  SimCluster cluster({.seed = 8});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int old_leader = cluster.WaitForLeader(1);
  cluster.network().Isolate(StoreId(old_leader));
  std::optional<absl::Status> outcome;
  multiraft::Proposal proposal;
  proposal.command = EncodeKvCommand({Kind::kPut, "k", "lost"});
  proposal.callback = [&](absl::StatusOr<multiraft::Applied> result) { outcome = result.status(); };
  cluster.store(old_leader).host().Propose(RegionId(1), std::move(proposal));
  cluster.world().RunFor(seconds(5));
  EXPECT_FALSE(outcome.has_value()) << "nobody can know yet: " << *outcome;
  // The others go on.
  int successor = 0;
  ASSERT_TRUE(cluster.world().RunUntil(
      [&] {
        for (int store = 1; store <= 3; ++store) {
          if (store != old_leader && cluster.store(store).IsReadyLeader(RegionId(1))) {
            successor = store;
          }
        }
        return successor != 0;
      },
      seconds(10)));
  ASSERT_TRUE(cluster.Propose(successor, 1, {Kind::kPut, "k", "v2"}).ok());
  cluster.network().Heal();
  ASSERT_TRUE(cluster.world().RunUntil([&] { return outcome.has_value(); }, seconds(10)));
  EXPECT_FALSE(outcome->ok());
  EXPECT_FALSE(errors::IsUndetermined(*outcome)) << *outcome;
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  EXPECT_EQ(cluster.store(old_leader).Storage(RegionId(1)).Get("k"), "v2");
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

TEST(HostTest, AProposalWhoseDeadlinePassesIsUndetermined) {
  SimCluster cluster({.seed = 9});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  cluster.network().Isolate(StoreId(leader));
  std::optional<absl::Status> outcome;
  multiraft::Proposal proposal;
  proposal.command = EncodeKvCommand({Kind::kPut, "k", "v2"});
  proposal.deadline = cluster.process(leader).Now() + milliseconds(500);
  proposal.callback = [&](absl::StatusOr<multiraft::Applied> result) { outcome = result.status(); };
  cluster.store(leader).host().Propose(RegionId(1), std::move(proposal));
  ASSERT_TRUE(cluster.world().RunUntil([&] { return outcome.has_value(); }, seconds(2)));
  EXPECT_TRUE(errors::IsUndetermined(*outcome)) << *outcome;
}

TEST(HostTest, StoppingLeavesAppendedProposalsUndetermined) {
  SimCluster cluster({.seed = 10});
  const int leader = cluster.WaitForLeader(1);
  ASSERT_NE(leader, 0);
  cluster.network().Isolate(StoreId(leader));
  std::optional<absl::Status> appended;
  multiraft::Proposal proposal;
  proposal.command = EncodeKvCommand({Kind::kPut, "k", "v"});
  proposal.callback = [&](absl::StatusOr<multiraft::Applied> result) {
    appended = result.status();
  };
  cluster.store(leader).host().Propose(RegionId(1), std::move(proposal));
  cluster.world().RunFor(milliseconds(100));
  std::optional<absl::Status> waiting;
  multiraft::Proposal late;
  late.command = "never looked at";
  late.callback = [&](absl::StatusOr<multiraft::Applied> result) { waiting = result.status(); };
  cluster.process(leader).Pause();
  cluster.store(leader).host().Propose(RegionId(1), std::move(late));
  cluster.Crash(leader);
  ASSERT_TRUE(appended.has_value());
  EXPECT_TRUE(errors::IsUndetermined(*appended)) << *appended;
  ASSERT_TRUE(waiting.has_value());
  EXPECT_FALSE(waiting->ok());
  EXPECT_FALSE(errors::IsUndetermined(*waiting)) << *waiting;
}

TEST(HostTest, AFullInboxRefusesRequestsAtOnce) {
  multiraft::HostConfig host;
  host.inbox_capacity = 10;
  SimCluster cluster({.seed = 11, .host = host});
  const int leader = cluster.WaitForLeader(1);
  ASSERT_NE(leader, 0);
  cluster.process(leader).Pause();
  int busy = 0;
  int applied = 0;
  for (int i = 0; i < 15; ++i) {
    multiraft::Proposal proposal;
    proposal.command = EncodeKvCommand({Kind::kPut, "k", fmt::format("v{}", i)});
    proposal.callback = [&](absl::StatusOr<multiraft::Applied> result) {
      if (result.ok()) ++applied;
      if (absl::IsResourceExhausted(result.status())) ++busy;
    };
    cluster.store(leader).host().Propose(RegionId(1), std::move(proposal));
  }
  EXPECT_EQ(busy, 5);
  cluster.process(leader).Resume();
  ASSERT_TRUE(cluster.world().RunUntil([&] { return applied == 10; }, seconds(5)));
}

TEST(HostTest, FiveHundredGroupsOnThreeStores) {
  multiraft::HostConfig host;
  host.raft_workers = 2;
  host.apply_workers = 2;
  SimCluster cluster({.seed = 22, .regions = 500, .host = host});
  for (int region = 1; region <= 500; ++region) ASSERT_NE(cluster.WaitForLeader(region), 0);
  for (int region = 1; region <= 500; region += 7) {
    ASSERT_TRUE(cluster.Put(region, fmt::format("r{}", region), fmt::format("v{}", region)));
  }
  for (int region = 1; region <= 500; region += 7) {
    ASSERT_TRUE(cluster.WaitForEqualApplied(region));
  }
  EXPECT_THAT(cluster.history().violations(), IsEmpty());
}

// With this delay some groups' survivors campaign before they have heard of each other.
TEST(HostTest, AfterTheDeathOfAStoreAllGroupsHaveLeadersWithinTwoElectionTimeouts) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimCluster cluster({.seed = seed, .regions = 100});
    cluster.network().SetFaults({.min_delay = milliseconds(1), .max_delay = milliseconds(20)});
    for (int region = 1; region <= 100; ++region) ASSERT_NE(cluster.WaitForLeader(region), 0);
    cluster.Crash(1);
    const multiraft::HostConfig& host = cluster.options().host;
    const env::Instant limit =
        cluster.world().now() + host.tick_interval * (2 * host.election_timeout_ticks + 2);
    for (int region = 1; region <= 100; ++region) {
      EXPECT_NE(cluster.WaitForLeader(region, limit - cluster.world().now()), 0)
          << "seed " << seed << ", region " << region;
    }
  }
}

TEST(HostTest, AGroupWithOneVoterLeadsAtOnceAndAfterARestart) {
  SimCluster cluster({.seed = 23, .stores = 1, .voters = 1});
  ASSERT_NE(cluster.WaitForLeader(1, milliseconds(50)), 0);
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  cluster.Crash(1);
  cluster.Restart(1);
  ASSERT_NE(cluster.WaitForLeader(1, milliseconds(50)), 0);
  EXPECT_TRUE(cluster.Read(1, 1).ok());
  EXPECT_EQ(cluster.store(1).Storage(RegionId(1)).Get("k"), "v1");
}

}  // namespace
}  // namespace flotilla::testing
