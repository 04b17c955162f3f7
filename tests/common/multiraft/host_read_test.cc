// Clusters of hosts in the simulator: reads, leases, and who may lead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "common/multiraft/host.h"
#include "tests/support/sim_cluster.h"

namespace flotilla::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = KvCommand::Kind;

TEST(HostReadTest, ALeaderReadsByLeaseAndAFollowerByAsking) {
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

TEST(HostReadTest, AReadWithoutALeaderFails) {
  SimCluster cluster({.seed = 13});
  ASSERT_TRUE(cluster.Put(1, "k", "v1"));
  cluster.Crash(1);
  cluster.Crash(2);
  cluster.world().RunFor(seconds(5));
  EXPECT_FALSE(cluster.Read(3, 1).ok());
}

TEST(HostReadTest, APausedLeaderHasNoLeaseWhenItWakes) {
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
TEST(HostReadTest, NoReplicaAppliesBeforeItsLeaderHas) {
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
TEST(HostReadTest, ARestartedPeerVotesForNobodyWhileALeaseMayHold) {
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
    ASSERT_TRUE(cluster.store(leader).Lease(RegionId(1))->ValidAt(cluster.process(leader).Now()));
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

TEST(HostReadTest, LeadershipIsTransferredAndTheLeaseWithIt) {
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

TEST(HostReadTest, AGivenUpTransferCostsTheLeaseOfItsTerm) {
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

TEST(HostReadTest, AFollowerThatHearsOfALeaderDoesNotCampaignWhenTold) {
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

}  // namespace
}  // namespace flotilla::testing
