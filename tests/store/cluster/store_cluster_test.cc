// Three stores under virtual time: writes, splits, crashes, changes of members, snapshots.
#include "tests/store/store_cluster.h"

#include <gtest/gtest.h>

#include <string>

namespace flotilla::store {
namespace {

StoreClusterOptions Options(uint64_t seed = 1) {
  StoreClusterOptions options;
  options.seed = seed;
  return options;
}

std::string Key(int i) {
  std::string digits = std::to_string(i);
  return "key" + std::string(5 - digits.size(), '0') + digits;
}

// Every key has exactly one region on every store that is up, and those agree.
void ExpectTiled(StoreCluster& cluster, size_t regions) {
  for (int i = 1; i <= cluster.stores(); ++i) {
    if (!cluster.IsUp(i)) continue;
    std::string end;
    const auto all = cluster.store(i).index().All();
    EXPECT_EQ(all.size(), regions) << "store " << i;
    for (const RegionViewPtr& view : all) {
      EXPECT_EQ(view->region.range().start, end) << "store " << i;
      end = view->region.range().end;
    }
    EXPECT_EQ(end, "") << "store " << i;
  }
}

metapb::Peer PeerOf(uint64_t id, uint64_t store, metapb::PeerRole role) {
  metapb::Peer peer;
  peer.set_id(id);
  peer.set_store_id(store);
  peer.set_role(role);
  return peer;
}

pdpb::RegionHeartbeatResponse Change(const metapb::Peer& peer, eraftpb::ConfChangeType type) {
  pdpb::RegionHeartbeatResponse instruction;
  *instruction.mutable_change_peer()->mutable_peer() = peer;
  instruction.mutable_change_peer()->set_change_type(type);
  return instruction;
}

TEST(StoreClusterTest, WritesAreReadBackAndSurviveACrashOfAll) {
  StoreCluster cluster(Options());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(cluster.Put(Key(i), "value" + std::to_string(i)));
  EXPECT_EQ(cluster.Get(Key(7)), "value7");
  EXPECT_EQ(cluster.Get("nothing"), std::nullopt);
  // Nothing was flushed: the log alone brings the data back.
  for (int i = 1; i <= 3; ++i) cluster.Crash(i);
  for (int i = 1; i <= 3; ++i) cluster.Restart(i);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(cluster.Get(Key(i)), "value" + std::to_string(i));
}

TEST(StoreClusterTest, TheLeaderReportsToPd) {
  StoreCluster cluster(Options());
  const RegionViewPtr leader = cluster.WaitForLeader("a");
  ASSERT_NE(leader, nullptr);
  ASSERT_TRUE(cluster.RunUntil([&] { return !cluster.pd().heartbeats.empty(); }));
  const auto& report = cluster.pd().heartbeats.at(StoreCluster::kFirstRegion);
  EXPECT_EQ(report.leader().id(), leader->self.id());
  EXPECT_GT(report.term(), 0u);
}

TEST(StoreClusterTest, ASplitTilesAndBothSidesServe) {
  StoreCluster cluster(Options(2));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(Key(i), "before"));
  ASSERT_TRUE(cluster.Split(Key(5)));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(cluster.Get(Key(i)), "before") << i;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(Key(i), "after")) << i;
  ASSERT_TRUE(cluster.RunUntil([&] {
    for (int i = 1; i <= 3; ++i) {
      if (cluster.store(i).index().size() != 2) return false;
    }
    return true;
  }));
  ExpectTiled(cluster, 2);
  const RegionViewPtr left = cluster.WaitForLeader(Key(0));
  const RegionViewPtr right = cluster.WaitForLeader(Key(9));
  EXPECT_EQ(right->region.id(), RegionId(StoreCluster::kFirstRegion)) << "the right keeps the id";
  EXPECT_NE(left->region.id(), right->region.id());
  EXPECT_EQ(left->region.version(), 2u);
  EXPECT_EQ(right->region.version(), 2u);
}

TEST(StoreClusterTest, ASplitServesAtOnce) {
  StoreCluster cluster(Options(3));
  ASSERT_TRUE(cluster.Put(Key(1), "v"));
  ASSERT_TRUE(cluster.Split(Key(1)));
  const env::Instant split_at = cluster.world().now();
  ASSERT_TRUE(cluster.Put(Key(0), "left"));
  EXPECT_LT(cluster.world().now() - split_at, std::chrono::milliseconds(500))
      << "the child's voters must not wait for an election timeout";
}

TEST(StoreClusterTest, ASplitIsReplayedAfterACrash) {
  for (uint64_t seed = 10; seed < 14; ++seed) {
    StoreCluster cluster(Options(seed));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(Key(i), "v"));
    ASSERT_TRUE(cluster.Split(Key(3)));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(Key(i), "w"));
    ASSERT_TRUE(cluster.Split(Key(7)));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(Key(i), "x"));
    for (int i = 1; i <= 3; ++i) cluster.Crash(i);
    for (int i = 1; i <= 3; ++i) cluster.Restart(i);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(cluster.Get(Key(i)), "x") << "seed " << seed;
    ASSERT_TRUE(cluster.RunUntil([&] {
      return cluster.store(1).index().size() == 3 && cluster.store(2).index().size() == 3 &&
             cluster.store(3).index().size() == 3;
    }));
    ExpectTiled(cluster, 3);
  }
}

TEST(StoreClusterTest, EachStoreMayDieAndComeBackWhileOthersServe) {
  StoreCluster cluster(Options(4));
  ASSERT_TRUE(cluster.Put(Key(0), "v0"));
  ASSERT_TRUE(cluster.Split(Key(5)));
  for (int victim = 1; victim <= 3; ++victim) {
    cluster.Crash(victim);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(cluster.Put(Key(i), "during" + std::to_string(victim))) << "store " << victim;
    }
    cluster.Restart(victim);
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(cluster.Get(Key(i)), "during" + std::to_string(victim));
    }
  }
}

TEST(StoreClusterTest, ANewPeerIsMadeByMessageAndGetsASnapshot) {
  StoreClusterOptions options = Options(5);
  options.stores = 4;
  // A log so short that the new peer can only be served by a snapshot.
  options.host.max_log_entries = 10;
  options.host.min_truncated_entries = 5;
  options.host.truncate_interval = std::chrono::milliseconds(200);
  StoreCluster cluster(options);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(cluster.Put(Key(i), "v"));
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(cluster.engine(i).Flush().ok());
  cluster.world().RunFor(std::chrono::seconds(3));
  ASSERT_TRUE(cluster.Put(Key(100), "v"));

  cluster.Instruct(Key(0), Change(PeerOf(204, 4, metapb::Learner), eraftpb::AddLearnerNode));
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.ViewOn(4, Key(0)) != nullptr; }))
      << "the learner has a state";
  ASSERT_TRUE(cluster.RunUntil([&] {
    const auto value = cluster.engine(4).Get(engine::ColumnFamily::kDefault,
                                             cluster.codec().Encode(cluster.RawKey(Key(100))));
    return value.ok() && value->has_value();
  }));
  cluster.Instruct(Key(0), Change(PeerOf(204, 4, metapb::Voter), eraftpb::AddNode));
  ASSERT_TRUE(cluster.RunUntil([&] {
    const RegionViewPtr view = cluster.ViewOn(4, Key(0));
    return view != nullptr && view->self.role() == metapb::Voter;
  }));
  // And the installed state survives a crash.
  cluster.Crash(4);
  cluster.Restart(4);
  ASSERT_NE(cluster.ViewOn(4, Key(0)), nullptr);
  for (int i = 0; i <= 100; ++i) EXPECT_EQ(cluster.Get(Key(i)), "v");
}

TEST(StoreClusterTest, APeerMayLeadBeforeItsFirstSnapshotIsInstalled) {
  StoreClusterOptions options = Options(15);
  options.stores = 2;
  options.voters = 1;
  StoreCluster cluster(options);
  ASSERT_TRUE(cluster.Put(Key(0), "v"));
  ASSERT_TRUE(cluster.engine(1).Flush().ok());
  cluster.process(2).HoldStage("apply-0", true);
  const metapb::Peer peer = PeerOf(202, 2, metapb::Voter);
  cluster.Instruct(Key(0), Change(peer, eraftpb::AddNode));
  const RegionId region(StoreCluster::kFirstRegion);
  ASSERT_TRUE(cluster.RunUntil([&] {
    const auto log = cluster.log_engine(2).Load(region);
    return log.ok() && log->last.index > Index(0) &&
           log->last.index == cluster.log_engine(1).Load(region)->last.index;
  })) << "the snapshot is in its log and not in its data";
  pdpb::RegionHeartbeatResponse transfer;
  *transfer.mutable_transfer_leader()->mutable_peer() = peer;
  cluster.Instruct(Key(0), transfer);
  const RegionViewPtr view = cluster.ViewOn(1, Key(0));
  ASSERT_TRUE(cluster.RunUntil([&] { return view->peer->leader.load() == peer.id(); }));
  cluster.world().RunFor(std::chrono::seconds(5));
  cluster.process(2).HoldStage("apply-0", false);
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.LeaderOf(Key(0)) != nullptr; }));
  EXPECT_EQ(cluster.Get(Key(0)), "v");
}

TEST(StoreClusterTest, ARemovedPeerDeletesItsDataAndStaysAway) {
  StoreCluster cluster(Options(6));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(Key(i), "v"));
  const RegionViewPtr leader = cluster.WaitForLeader(Key(0));
  const uint64_t victim = leader->self.store_id() == 3 ? 2 : 3;
  cluster.Instruct(Key(0),
                   Change(PeerOf(100 + victim, victim, metapb::Voter), eraftpb::RemoveNode));
  const int store = static_cast<int>(victim);
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.store(store).index().size() == 0; }));
  const auto value = cluster.engine(store).Get(engine::ColumnFamily::kDefault,
                                               cluster.codec().Encode(cluster.RawKey(Key(1))));
  ASSERT_TRUE(value.ok());
  EXPECT_FALSE(value->has_value());
  cluster.Crash(store);
  cluster.Restart(store);
  cluster.world().RunFor(std::chrono::seconds(30));
  EXPECT_EQ(cluster.store(store).index().size(), 0u) << "a tombstone is not raised again";
  EXPECT_EQ(cluster.Get(Key(1)), "v");
}

TEST(StoreClusterTest, AParentThatGoesTakesNoChildAlong) {
  StoreCluster cluster(Options(14));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(Key(i), "v"));
  ASSERT_TRUE(cluster.Split(Key(5)));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(Key(i), "w"));
  // The right piece has the parent's id.
  const RegionViewPtr leader = cluster.WaitForLeader(Key(9));
  const uint64_t victim = leader->self.store_id() == 3 ? 2 : 3;
  const int store = static_cast<int>(victim);
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.store(store).index().size() == 2; }));
  cluster.Instruct(Key(9),
                   Change(PeerOf(100 + victim, victim, metapb::Voter), eraftpb::RemoveNode));
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.store(store).index().size() == 1; }));
  cluster.Crash(store);
  cluster.Restart(store);
  const RegionViewPtr child = cluster.ViewOn(store, Key(0));
  ASSERT_NE(child, nullptr) << "its base was in the parent's log only";
  ASSERT_TRUE(cluster.RunUntil([&] {
    const auto value = cluster.engine(store).Get(engine::ColumnFamily::kDefault,
                                                 cluster.codec().Encode(cluster.RawKey(Key(4))));
    return value.ok() && value->has_value() && (*value)->find('w') != std::string::npos;
  }));
}

TEST(StoreClusterTest, APeerThatWasRemovedWhileCutOffHearsOfIt) {
  for (const bool learner : {false, true}) {
    StoreCluster cluster(Options(7));
    ASSERT_TRUE(cluster.Put(Key(0), "v"));
    const RegionViewPtr leader = cluster.WaitForLeader(Key(0));
    const uint64_t victim = leader->self.store_id() == 3 ? 2 : 3;
    const int store = static_cast<int>(victim);
    const metapb::Peer peer = PeerOf(100 + victim, victim, metapb::Voter);
    if (learner) {
      cluster.Instruct(Key(0), Change(peer, eraftpb::AddLearnerNode));
      ASSERT_TRUE(cluster.RunUntil(
          [&] { return cluster.ViewOn(store, Key(0))->self.role() == metapb::Learner; }));
    }
    cluster.network().Isolate(StoreId(victim));
    cluster.Instruct(Key(0), Change(peer, eraftpb::RemoveNode));
    ASSERT_TRUE(cluster.RunUntil([&] {
      const RegionViewPtr now = cluster.LeaderOf(Key(0));
      return now != nullptr && now->region.meta().peers_size() == 2;
    }));
    cluster.world().RunFor(std::chrono::seconds(5));
    cluster.network().Heal();
    EXPECT_TRUE(cluster.RunUntil([&] { return cluster.store(store).index().size() == 0; }))
        << (learner ? "learner" : "voter");
    EXPECT_TRUE(cluster.Put(Key(0), "w"));
  }
}

// PD would move the leader first, but the leader may have changed since.
TEST(StoreClusterTest, ALeaderThatIsToBeRemovedHandsOverFirst) {
  StoreCluster cluster(Options(11));
  ASSERT_TRUE(cluster.Put(Key(0), "v"));
  const RegionViewPtr leader = cluster.WaitForLeader(Key(0));
  const auto removal = Change(leader->self, eraftpb::RemoveNode);
  cluster.Instruct(Key(0), removal);
  ASSERT_TRUE(cluster.RunUntil(
      [&] {
        const RegionViewPtr now = cluster.LeaderOf(Key(0));
        return now != nullptr && now->self.id() != leader->self.id();
      },
      std::chrono::milliseconds(500)))
      << "no election timeout goes by";
  // The next heartbeat brings the instruction again.
  cluster.Instruct(Key(0), removal);
  const int store = static_cast<int>(leader->self.store_id());
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.store(store).index().size() == 0; }));
  EXPECT_EQ(cluster.Get(Key(0)), "v");
}

TEST(StoreClusterTest, TheLastOfTwoKnowsAfterACrashThatTheOtherOneIsGone) {
  for (const bool notice_only : {false, true}) {
    StoreClusterOptions options = Options(12);
    options.voters = 2;
    StoreCluster cluster(options);
    ASSERT_TRUE(cluster.Put(Key(0), "v"));
    const RegionViewPtr leader = cluster.WaitForLeader(Key(0));
    const int last = static_cast<int>(leader->self.store_id());
    const int gone = 3 - last;
    cluster.Instruct(Key(0), Change(PeerOf(100 + static_cast<uint64_t>(gone),
                                           static_cast<uint64_t>(gone), metapb::Voter),
                                    eraftpb::RemoveNode));
    // It destroys itself by the leader's word alone.
    if (notice_only) cluster.process(gone).HoldStage("apply-0", true);
    ASSERT_TRUE(cluster.RunUntil([&] {
      const RegionViewPtr view = cluster.ViewOn(last, Key(0));
      return view != nullptr && view->region.meta().peers_size() == 1;
    }));
    if (notice_only) cluster.world().RunFor(std::chrono::seconds(1));
    cluster.process(gone).HoldStage("apply-0", false);
    ASSERT_TRUE(cluster.RunUntil([&] { return cluster.store(gone).index().size() == 0; }));
    // Nothing was flushed: the data that the last one finds are those of a region of two.
    cluster.Crash(last);
    cluster.Restart(last);
    EXPECT_TRUE(cluster.Put(Key(0), "w")) << (notice_only ? "by notice" : "by entry");
  }
}

TEST(StoreClusterTest, ATombstoneTellsWhatItKnowsToBeCommitted) {
  StoreClusterOptions options = Options(13);
  options.voters = 2;
  StoreCluster cluster(options);
  ASSERT_TRUE(cluster.Put(Key(0), "v"));
  const RegionViewPtr leader = cluster.WaitForLeader(Key(0));
  const int last = static_cast<int>(leader->self.store_id());
  const int gone = 3 - last;
  const RegionId region(StoreCluster::kFirstRegion);
  const auto last_index = [&](int store) {
    return cluster.log_engine(store).Load(region)->last.index;
  };
  ASSERT_TRUE(cluster.RunUntil([&] { return last_index(gone) == last_index(last); }));
  const Index before = last_index(last);
  // Both have written the removal, and the leader has not heard of it yet.
  cluster.network().Cut(StoreId(static_cast<uint64_t>(gone)), StoreId(static_cast<uint64_t>(last)));
  cluster.Instruct(Key(0), Change(PeerOf(100 + static_cast<uint64_t>(gone),
                                         static_cast<uint64_t>(gone), metapb::Voter),
                                  eraftpb::RemoveNode));
  ASSERT_TRUE(
      cluster.RunUntil([&] { return last_index(gone) > before && last_index(last) > before; },
                       std::chrono::milliseconds(500)));
  // It hears of it, tells the other one, and dies before it has written anything of that.
  cluster.process(last).HoldStage("log-writer", true);
  cluster.network().Heal();
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.store(gone).index().size() == 0; }));
  cluster.Crash(last);
  cluster.Restart(last);
  EXPECT_TRUE(cluster.Put(Key(0), "w"));
}

TEST(StoreClusterTest, LeadersAreHandedOverForAShutdown) {
  StoreCluster cluster(Options(8));
  const RegionViewPtr leader = cluster.WaitForLeader(Key(0));
  SimStore& store = cluster.store(static_cast<int>(leader->self.store_id()));
  ASSERT_TRUE(cluster.Put(Key(0), "v"));
  ASSERT_EQ(store.manager().TransferLeadersAway(), 1u);
  EXPECT_TRUE(cluster.RunUntil(
      [&] {
        const RegionViewPtr now = cluster.LeaderOf(Key(0));
        return now != nullptr && now->self.store_id() != leader->self.store_id();
      },
      std::chrono::seconds(2)));
}

TEST(StoreClusterTest, GrowthSplitsARegion) {
  StoreClusterOptions options = Options(9);
  options.split.region_keys = 50;
  StoreCluster cluster(options);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(cluster.Put(Key(i), "v"));
  const RegionViewPtr leader = cluster.WaitForLeader(Key(0));
  cluster.store(static_cast<int>(leader->self.store_id())).split_checker().Check(leader);
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.store(1).index().size() >= 4; }));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(cluster.Get(Key(i)), "v") << i;
}

TEST(StoreClusterTest, ExpiredValuesAreGone) {
  StoreCluster cluster(Options(10));
  ASSERT_TRUE(cluster.Put(Key(0), "short", /*ttl=*/5));
  ASSERT_TRUE(cluster.Put(Key(1), "long", /*ttl=*/5000));
  EXPECT_EQ(cluster.Get(Key(0)), "short");
  cluster.world().RunFor(std::chrono::seconds(6));
  EXPECT_EQ(cluster.Get(Key(0)), std::nullopt);
  EXPECT_EQ(cluster.Get(Key(1)), "long");
}

}  // namespace
}  // namespace flotilla::store
