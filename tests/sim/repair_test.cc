// What an operator can do about replicas and stores that are damaged or gone, on a whole cluster
// under virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "tests/sim/check/settled.h"
#include "tests/sim/cluster.h"

namespace flotilla::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr int kStores = 4;

class RepairTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CHECK_OK(base::SetLogLevel("error"));
    ASSERT_TRUE(cluster_.Start().ok());
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(Put("k" + std::to_string(i), "v").ok());
    ASSERT_TRUE(cluster_.world().RunUntil([&] { return HasThreeVoters(); }, minutes(5)));
    ASSERT_TRUE(Settles());
  }

  static Plan MakePlan() {
    Plan plan = Plan::Draw(1, Profile::kQuiet);
    plan.pd_members = 3;
    plan.stores = kStores;
    plan.pd.replica.schedule.replica.max_replicas = 3;
    plan.pd.replica.schedule.store_down_after = minutes(30);
    plan.clients = 1;
    plan.client = {};
    plan.store.core.split.region_keys = 960'000;
    plan.store.core.consistency = {};
    return plan;
  }
  bool HasThreeVoters() {
    const auto led = cluster_.Led();
    return led.size() == 1 && led.front()->region.conf_state().voters.size() == 3;
  }
  bool Settles() {
    return cluster_.world().RunUntil([&] { return WhatIsUnsettled(cluster_).empty(); }, minutes(5));
  }
  pdclient::PdClient& pd() { return cluster_.clients().front()->pd(); }

  template <typename Result, typename Call>
  Result Await(Call call) {
    std::optional<Result> result;
    call([&result](Result got) { result = std::move(got); });
    cluster_.world().RunUntil([&] { return result.has_value(); }, minutes(10));
    CHECK(result.has_value());
    return *std::move(result);
  }
  absl::Status Put(const std::string& key, const std::string& value) {
    return Await<absl::Status>([&](auto done) {
      cluster_.clients().front()->raw().PutAsync(key, value, {}, std::move(done));
    });
  }
  absl::StatusOr<store::Comparison> Check() {
    const store::RegionViewPtr leader = cluster_.Led().front();
    StoreNode* const node = cluster_.StoreOf(StoreId(leader->self.store_id()));
    return Await<absl::StatusOr<store::Comparison>>([&](auto done) {
      node->core().checker().Check(leader->region.id(), env::Instant::max(), std::move(done));
    });
  }
  std::vector<repair::v1::RegionCheck> KnownChecks() {
    const auto checks = Await<absl::StatusOr<std::vector<repair::v1::RegionCheck>>>(
        [&](auto done) { pd().GetChecks(std::move(done)); });
    CHECK_OK(checks.status());
    return *checks;
  }
  absl::StatusOr<uint64_t> DeclareLost(StoreId store) {
    return Await<absl::StatusOr<uint64_t>>(
        [&](auto done) { pd().DeclareLost(store, std::move(done)); });
  }
  absl::StatusOr<repair::v1::RebuildReplicaResponse> Rebuild(RegionId region, StoreId store) {
    return Await<absl::StatusOr<repair::v1::RebuildReplicaResponse>>(
        [&](auto done) { pd().RebuildReplica(region, store, std::move(done)); });
  }
  metapb::Peer Follower() {
    const store::RegionViewPtr leader = cluster_.Led().front();
    for (const metapb::Peer& peer : leader->region.meta().peers()) {
      if (peer.id() != leader->self.id()) return peer;
    }
    return {};
  }
  // One key of the region is gone, on one store.
  void LoseAKey(StoreId store) {
    engine::MemoryKvEngine& engine = cluster_.StoreOf(store)->disk().engine;
    const auto it = engine.NewIterator(engine::ColumnFamily::kDefault);
    it->SeekToFirst();
    ASSERT_TRUE(it->Valid());
    const auto batch = engine.NewBatch();
    batch->Delete(engine::ColumnFamily::kDefault, it->key());
    CHECK_OK(engine.Write(*batch));
  }
  bool AwaitPeerGone(uint64_t peer) {
    return cluster_.world().RunUntil(
        [&] {
          if (!HasThreeVoters()) return false;
          const auto led = cluster_.Led();
          return led.front()->region.FindPeer(PeerId(peer)) == nullptr &&
                 WhatIsUnsettled(cluster_).empty();
        },
        minutes(10));
  }

  Cluster cluster_{MakePlan()};
};

TEST_F(RepairTest, SoundReplicasAreEqual) {
  const auto comparison = Check();
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  EXPECT_EQ(comparison->agreement, store::Agreement::kEqual) << Describe(*comparison);
  cluster_.world().RunFor(seconds(5));
  const auto checks = KnownChecks();
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].agreement(), repair::v1::Comparison::EQUAL);
  EXPECT_TRUE(checks[0].differing().empty());
}

TEST_F(RepairTest, AFollowerThatDiffersIsFoundAndMadeAnew) {
  const metapb::Peer victim = Follower();
  LoseAKey(StoreId(victim.store_id()));
  const auto comparison = Check();
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  EXPECT_EQ(comparison->agreement, store::Agreement::kDiffers) << Describe(*comparison);
  EXPECT_TRUE(comparison->has_majority);
  cluster_.world().RunFor(seconds(5));
  auto checks = KnownChecks();
  ASSERT_EQ(checks.size(), 1u);
  ASSERT_EQ(checks[0].differing_size(), 1);
  EXPECT_EQ(checks[0].differing(0).id(), victim.id());

  // It outlives the leader of PD.
  PdNode* const leader = cluster_.PdLeader();
  leader->Kill();
  ASSERT_TRUE(
      cluster_.world().RunUntil([&] { return cluster_.PdLeader() != nullptr; }, minutes(1)));
  cluster_.StartPd(*leader);
  ASSERT_TRUE(Settles());
  cluster_.world().RunFor(seconds(25));
  checks = KnownChecks();
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].differing_size(), 1);

  const auto begun = Rebuild(RegionId(comparison->region.id()), StoreId(victim.store_id()));
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_EQ(begun->old_peer_id(), victim.id());
  ASSERT_TRUE(AwaitPeerGone(victim.id()));
  checks = KnownChecks();
  EXPECT_TRUE(checks.empty() || checks[0].differing().empty());
  const auto again = Check();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->agreement, store::Agreement::kEqual) << Describe(*again);
  CheckReplicas(cluster_);
  EXPECT_TRUE(cluster_.violations().empty());
}

TEST_F(RepairTest, ALeaderThatDiffersHandsOnAndIsMadeAnew) {
  const store::RegionViewPtr leader = cluster_.Led().front();
  const StoreId store(leader->self.store_id());
  LoseAKey(store);
  const auto comparison = Check();
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  EXPECT_EQ(comparison->agreement, store::Agreement::kDiffers) << Describe(*comparison);
  cluster_.world().RunFor(seconds(5));
  const auto begun = Rebuild(leader->region.id(), store);
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_THAT(begun->steps(0), HasSubstr("transfer leader"));
  EXPECT_TRUE(absl::IsAlreadyExists(Rebuild(leader->region.id(), store).status()));
  ASSERT_TRUE(AwaitPeerGone(leader->self.id()));
  const auto again = Check();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->agreement, store::Agreement::kEqual) << Describe(*again);
  CheckReplicas(cluster_);
  EXPECT_TRUE(cluster_.violations().empty());
}

TEST_F(RepairTest, WithoutAnotherStoreItIsMadeAnewWhereItWas) {
  for (auto& node : cluster_.stores()) {
    if (cluster_.Led().front()->region.FindPeerOn(node->id()) == nullptr) {
      node->Kill(testing::CrashMoment::kBetweenSteps);
    }
  }
  cluster_.world().RunFor(seconds(25));
  const metapb::Peer victim = Follower();
  LoseAKey(StoreId(victim.store_id()));
  const RegionId region = cluster_.Led().front()->region.id();
  const auto begun = Rebuild(region, StoreId(victim.store_id()));
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_THAT(begun->steps(0), HasSubstr("remove peer"));
  ASSERT_TRUE(cluster_.world().RunUntil(
      [&] {
        if (!HasThreeVoters()) return false;
        const store::Region& now = cluster_.Led().front()->region;
        return now.FindPeer(PeerId(victim.id())) == nullptr &&
               now.FindPeerOn(StoreId(victim.store_id())) != nullptr;
      },
      minutes(10)));
  cluster_.world().RunFor(seconds(10));
  const auto again = Check();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->agreement, store::Agreement::kEqual) << Describe(*again);
}

TEST_F(RepairTest, ALostStoreIsReplacedAtOnceAndDoesNotComeBack) {
  const StoreId lost(Follower().store_id());
  EXPECT_THAT(std::string(DeclareLost(lost).status().message()), HasSubstr("PD heard of store"));
  StoreNode& node = *cluster_.StoreOf(lost);
  node.Kill(testing::CrashMoment::kBetweenSteps);
  cluster_.world().RunFor(seconds(25));
  const auto replicas = DeclareLost(lost);
  ASSERT_TRUE(replicas.ok()) << replicas.status();
  EXPECT_EQ(*replicas, 1u);
  // Half an hour would have to pass otherwise.
  ASSERT_TRUE(cluster_.world().RunUntil(
      [&] {
        return HasThreeVoters() && cluster_.Led().front()->region.FindPeerOn(lost) == nullptr;
      },
      minutes(2)));
  ASSERT_TRUE(cluster_.world().RunUntil(
      [&] {
        PdNode* const leader = cluster_.PdLeader();
        if (leader == nullptr) return false;
        const auto store = leader->Leading()->cluster.GetStore(lost);
        return store.has_value() && store->meta.state() == metapb::Tombstone;
      },
      minutes(1)));
  const absl::Status back = cluster_.StartStore(node);
  EXPECT_THAT(std::string(back.message()), HasSubstr("was declared lost"));
  const auto comparison = Check();
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  EXPECT_EQ(comparison->agreement, store::Agreement::kEqual) << Describe(*comparison);
}

TEST_F(RepairTest, TheLastMajorityIsNotGivenUp) {
  const StoreId lost(Follower().store_id());
  cluster_.StoreOf(lost)->Kill(testing::CrashMoment::kBetweenSteps);
  std::optional<StoreId> second;
  for (const metapb::Peer& peer : cluster_.Led().front()->region.meta().peers()) {
    const StoreId store(peer.store_id());
    if (store != lost) second = store;
  }
  cluster_.StoreOf(*second)->Kill(testing::CrashMoment::kBetweenSteps);
  cluster_.world().RunFor(seconds(30));
  EXPECT_THAT(std::string(DeclareLost(lost).status().message()),
              HasSubstr("no majority of sound voters"));
}

}  // namespace
}  // namespace flotilla::sim
