// Clusters of hosts in the simulator: one behaviour a test, without random faults.
#include "common/multiraft/host.h"

#include <gtest/gtest.h>

#include <set>

#include "common/errors/region_error.h"
#include "tests/support/sim_cluster.h"

namespace flotilla::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = KvCommand::Kind;

void ExpectNoViolation(SimCluster& cluster) {
  for (const std::string& violation : cluster.history().violations()) ADD_FAILURE() << violation;
}

TEST(HostTest, AWriteIsAppliedOnAllStores) {
  SimCluster cluster({.seed = 1});
  ASSERT_NE(cluster.WaitForLeader(1), 0);
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  for (int store = 1; store <= 3; ++store) {
    EXPECT_EQ(cluster.store(store).Storage(RegionId(1)).Get("k"), "v1") << store;
  }
  ExpectNoViolation(cluster);
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
  ExpectNoViolation(cluster);
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
  ExpectNoViolation(cluster);
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
  ExpectNoViolation(cluster);
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
  ExpectNoViolation(cluster);
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

TEST(HostTest, ALeaderReadsByLeaseAndAFollowerByAsking) {
  SimCluster cluster({.seed = 12});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  cluster.world().RunFor(seconds(1));
  EXPECT_TRUE(cluster.store(leader).Lease(RegionId(1))->ValidAt(cluster.process(leader).Now()));
  EXPECT_TRUE(cluster.Read(leader, 1).ok());
  for (int store = 1; store <= 3; ++store) {
    if (store == leader) continue;
    EXPECT_FALSE(cluster.store(store).Lease(RegionId(1))->ValidAt(cluster.process(store).Now()));
    ASSERT_TRUE(cluster.Put(1, "k", fmt::format("w{}", store)));
    const env::Instant start = cluster.world().now();
    EXPECT_TRUE(cluster.Read(store, 1).ok());
    EXPECT_LT(cluster.world().now() - start, milliseconds(20)) << "must not wait for a heartbeat";
    EXPECT_EQ(cluster.store(store).Storage(RegionId(1)).Get("k"), fmt::format("w{}", store));
  }
}

TEST(HostTest, AReadWithoutALeaderFails) {
  SimCluster cluster({.seed = 13});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  cluster.Crash(1);
  cluster.Crash(2);
  cluster.world().RunFor(seconds(5));
  EXPECT_FALSE(cluster.Read(3, 1).ok());
}

TEST(HostTest, APausedLeaderHasNoLeaseWhenItWakes) {
  SimCluster cluster({.seed = 14});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  cluster.world().RunFor(seconds(1));
  cluster.process(leader).Pause();
  int successor = 0;
  ASSERT_TRUE(cluster.world().RunUntil(
      [&] {
        for (int store = 1; store <= 3; ++store) {
          if (store != leader && cluster.store(store).IsReadyLeader(RegionId(1))) successor = store;
        }
        return successor != 0;
      },
      seconds(10)));
  EXPECT_FALSE(cluster.store(leader).Lease(RegionId(1))->ValidAt(cluster.process(leader).Now()));
  ASSERT_TRUE(cluster.Propose(successor, 1, {Kind::kPut, "k", "v2"}).ok());
  cluster.process(leader).Resume();
  EXPECT_FALSE(cluster.store(leader).Lease(RegionId(1))->ValidAt(cluster.process(leader).Now()));
}

// Otherwise a read by the leader's lease could return less than a follower's read before it.
TEST(HostTest, NoReplicaAppliesBeforeItsLeaderHas) {
  SimCluster cluster({.seed = 24});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  const int leader = cluster.WaitForLeader(1);
  cluster.process(leader).HoldStage("apply-0", true);
  bool applied = false;
  multiraft::Proposal proposal;
  proposal.command = EncodeKvCommand({Kind::kPut, "k", "v2"});
  proposal.callback = [&](absl::StatusOr<multiraft::Applied> result) { applied = result.ok(); };
  cluster.store(leader).host().Propose(RegionId(1), std::move(proposal));
  cluster.world().RunFor(seconds(2));
  auto status = cluster.Inspect(leader, 1);
  ASSERT_TRUE(status.ok());
  EXPECT_GT(status->node.hard_state.commit, status->node.applied) << "committed, not applied";
  EXPECT_FALSE(applied);
  for (int store = 1; store <= 3; ++store) {
    EXPECT_EQ(cluster.store(store).Storage(RegionId(1)).Get("k"), "v1") << store;
  }
  cluster.process(leader).HoldStage("apply-0", false);
  ASSERT_TRUE(cluster.world().RunUntil([&] { return applied; }, seconds(1)));
  ASSERT_TRUE(cluster.WaitForEqualApplied(1));
  EXPECT_EQ(cluster.store(leader % 3 + 1).Storage(RegionId(1)).Get("k"), "v2");
}

// It may have answered a leader before, whose lease stands on that answer.
TEST(HostTest, ARestartedPeerVotesForNobodyWhileALeaseMayHold) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SimCluster cluster({.seed = seed});
    ASSERT_TRUE(cluster.Put(1, "k", "v1"));
    const int leader = cluster.WaitForLeader(1);
    const int voter = leader % 3 + 1;
    const int rival = voter % 3 + 1;
    cluster.network().Cut(StoreId(leader), StoreId(rival));
    cluster.network().Cut(StoreId(rival), StoreId(leader));
    cluster.world().RunFor(seconds(3));
    ASSERT_TRUE(
        cluster.store(leader).Lease(RegionId(1))->ValidAt(cluster.process(leader).Now()));
    cluster.Crash(voter);
    cluster.Restart(voter);
    cluster.store(rival).host().Campaign(RegionId(1));
    const auto both_lead = [&] {
      return cluster.store(rival).IsReadyLeader(RegionId(1)) &&
             cluster.store(leader).Lease(RegionId(1))->ValidAt(cluster.process(leader).Now());
    };
    EXPECT_FALSE(cluster.world().RunUntil(both_lead, seconds(2)));
  }
}

TEST(HostTest, LeadershipIsTransferredAndTheLeaseWithIt) {
  SimCluster cluster({.seed = 15});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  cluster.world().RunFor(seconds(1));
  const int target = leader % 3 + 1;
  std::optional<absl::Status> started;
  cluster.store(leader).host().TransferLeadership(RegionId(1), PeerOf(RegionId(1), StoreId(target)),
                                                  [&](absl::Status status) { started = status; });
  ASSERT_TRUE(cluster.world().RunUntil(
      [&] { return cluster.store(target).IsReadyLeader(RegionId(1)); }, seconds(2)));
  ASSERT_TRUE(started.has_value());
  EXPECT_TRUE(started->ok()) << *started;
  EXPECT_FALSE(cluster.store(leader).Lease(RegionId(1))->ValidAt(cluster.process(leader).Now()));
  cluster.world().RunFor(seconds(1));
  EXPECT_TRUE(cluster.store(target).Lease(RegionId(1))->ValidAt(cluster.process(target).Now()));
  EXPECT_TRUE(cluster.Put(1, "k", "v2"));
}

TEST(HostTest, AGivenUpTransferCostsTheLeaseOfItsTerm) {
  SimCluster cluster({.seed = 16});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  const int target = leader % 3 + 1;
  cluster.network().Cut(StoreId(leader), StoreId(target));
  cluster.store(leader).host().TransferLeadership(RegionId(1), PeerOf(RegionId(1), StoreId(target)),
                                                  [](absl::Status) {});
  cluster.world().RunFor(milliseconds(800));
  auto before = cluster.Inspect(leader, 1);
  ASSERT_TRUE(before.ok());
  cluster.network().Heal();
  cluster.world().RunFor(seconds(3));
  auto after = cluster.Inspect(leader, 1);
  ASSERT_TRUE(after.ok());
  if (after->node.hard_state.term == before->node.hard_state.term) {
    EXPECT_FALSE(cluster.store(leader).Lease(RegionId(1))->ValidAt(cluster.process(leader).Now()));
  }
  EXPECT_TRUE(cluster.Put(1, "k", "v2"));
}

TEST(HostTest, AFollowerThatHearsOfALeaderDoesNotCampaignWhenTold) {
  SimCluster cluster({.seed = 17});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  const int leader = cluster.WaitForLeader(1);
  const int follower = leader % 3 + 1;
  const int other = follower % 3 + 1;
  cluster.world().RunFor(seconds(1));
  // `other` hears of no leader and would vote for anybody.
  cluster.network().Cut(StoreId(leader), StoreId(other));
  cluster.world().RunUntil(
      [&] {
        auto status = cluster.Inspect(other, 1);
        return status.ok() && status->node.soft_state.leader == PeerId();
      },
      seconds(5));
  cluster.store(follower).host().Campaign(RegionId(1));
  cluster.world().RunFor(milliseconds(200));
  auto status = cluster.Inspect(follower, 1);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->node.soft_state.role, raft::Role::kFollower);
}

TEST(HostTest, MembersAreAddedAndRemoved) {
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
  ExpectNoViolation(cluster);
}

TEST(HostTest, ALeaderMayRemoveItself) {
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
  ExpectNoViolation(cluster);
}

TEST(HostTest, TheLogIsBoundedAndAFollowerThatIsFarBehindGetsASnapshot) {
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
  ExpectNoViolation(cluster);
}

TEST(HostTest, ALongLogStartsAFlush) {
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
  ExpectNoViolation(cluster);
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
