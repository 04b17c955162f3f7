// Stores whose disks are gone or damaged: what the atlas allows, what replaces them, and that
// nothing damaged is served.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "common/base/check.h"
#include "common/base/log.h"
#include "tests/sim/check/settled.h"
#include "tests/sim/cluster.h"

namespace flotilla::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class LostStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CHECK_OK(base::SetLogLevel("error"));
    ASSERT_TRUE(cluster_.Start().ok());
    AwaitSettled();
  }
  void TearDown() override { EXPECT_EQ(cluster_.violations().all(), std::vector<std::string>()); }

  static Plan MakePlan() {
    Plan plan = Plan::Draw(1, Profile::kQuiet);
    plan.pd_members = 1;
    plan.stores = 3;
    plan.clients = 1;
    plan.client = {};
    plan.store.core.host = {};
    plan.store.core.split = {};
    plan.store.core.in_flight = {};
    plan.store.core.writes = {};
    plan.store.core.heartbeat_interval = seconds(1);
    plan.store.core.peer.heartbeat_interval = seconds(1);
    plan.pd.replica.schedule.store_down_after = seconds(4);
    plan.pd.replica.schedule.replica.max_replicas = 3;
    return plan;
  }
  StoreNode& store(int number) { return *cluster_.stores()[static_cast<size_t>(number - 1)]; }
  bool MayLose(int number) { return cluster_.atlas().MayLose(cluster_.stores(), store(number)); }
  static bool HasThreeVoters(const metapb::Region& region) {
    return region.peers_size() == 3 &&
           std::all_of(region.peers().begin(), region.peers().end(),
                       [](const metapb::Peer& peer) { return peer.role() == metapb::Voter; });
  }
  // The region has three voters that are there.
  void AwaitSettled() {
    const auto is_settled = [this] {
      cluster_.BuryTheDead();
      const auto led = cluster_.Led();
      return WhatIsUnsettled(cluster_).empty() && HasThreeVoters(led.front()->region.meta());
    };
    EXPECT_TRUE(cluster_.world().RunUntil(is_settled, minutes(3))) << WhatIsUnsettled(cluster_);
  }
  absl::Status Put(const std::string& key, const std::string& value) {
    std::optional<absl::Status> result;
    client().PutAsync(key, value, {}, [&](absl::Status status) { result = std::move(status); });
    cluster_.world().RunUntil([&] { return result.has_value(); }, minutes(1));
    CHECK(result.has_value());
    return *result;
  }
  std::string Get(const std::string& key) {
    std::optional<absl::StatusOr<client::RawClient::Value>> result;
    client().GetAsync(key, {}, [&](absl::StatusOr<client::RawClient::Value> value) {
      result = std::move(value);
    });
    cluster_.world().RunUntil(
        [&] {
          cluster_.BuryTheDead();
          return result.has_value();
        },
        minutes(1));
    CHECK(result.has_value());
    return result->ok() ? (*result)->value_or("nothing") : result->status().ToString();
  }
  client::RawClient& client() { return cluster_.clients().front()->raw(); }
  // The number of the store that leads the only region.
  int Leader() {
    for (int number = 1; number <= 3; ++number) {
      if (store(number).id().value() == cluster_.Led().front()->self.store_id()) return number;
    }
    return 0;
  }

  Cluster cluster_{MakePlan()};
};

TEST_F(LostStoreTest, AStoreThatLostAllBecomesANewOneAndIsReplaced) {
  ASSERT_TRUE(Put("k", "v").ok());
  const StoreId former = store(2).id();
  cluster_.Wipe(store(2));
  ASSERT_TRUE(cluster_.StartStore(store(2)).ok());
  EXPECT_NE(store(2).id(), former);
  AwaitSettled();
  for (const store::RegionViewPtr& view : cluster_.Led()) {
    for (const metapb::Peer& peer : view->region.meta().peers()) {
      EXPECT_NE(peer.store_id(), former.value());
    }
  }
  EXPECT_EQ(Get("k"), "v");
}

TEST_F(LostStoreTest, NoMoreThanAMinorityIsLostAtATime) {
  EXPECT_TRUE(MayLose(1));
  EXPECT_TRUE(MayLose(3));
  cluster_.Wipe(store(1));
  EXPECT_FALSE(MayLose(1)) << "it has no data yet";
  EXPECT_FALSE(MayLose(2));
  EXPECT_FALSE(MayLose(3));
  ASSERT_TRUE(cluster_.StartStore(store(1)).ok());
  EXPECT_FALSE(MayLose(2)) << "it has no replica yet";
  AwaitSettled();
  EXPECT_TRUE(MayLose(2));
  EXPECT_TRUE(MayLose(1));
}

TEST_F(LostStoreTest, AChangeThatMayStillComeHolds) {
  const store::RegionViewPtr view = cluster_.Led().front();
  cluster_.atlas().OnChangeAskedFor(view->region.meta());
  EXPECT_FALSE(MayLose(1));
  metapb::Region later = view->region.meta();
  EXPECT_FALSE(cluster_.atlas().HasLost(later));
  cluster_.atlas().OnLost(StoreId(later.peers(0).store_id()));
  EXPECT_TRUE(cluster_.atlas().HasLost(later));
}

TEST_F(LostStoreTest, ADamagedRowStopsTheProcessAndIsNeverServed) {
  ASSERT_TRUE(Put("k", "v").ok());
  const int leader = Leader();
  engine::MemoryKvEngine& engine = store(leader).disk().engine;
  CHECK_OK(engine.Flush());
  bool found = false;
  for (const auto& [cf, key] : engine.FlushedKeys()) {
    if (cf != engine::ColumnFamily::kDefault) continue;
    engine.Damage(cf, key, 3);
    found = true;
  }
  ASSERT_TRUE(found);
  // The read stops the leader; another one answers.
  EXPECT_EQ(Get("k"), "v");
  EXPECT_FALSE(store(leader).IsUp());
  // Nobody had said so to the cluster.
  ASSERT_EQ(cluster_.violations().all().size(), 1u);
  EXPECT_NE(cluster_.violations().all().front().find("does not match its checksum"),
            std::string::npos);
  cluster_.violations() = {};
}

TEST_F(LostStoreTest, ADamagedLogIsRefusedAtTheStart) {
  ASSERT_TRUE(Put("k", "v").ok());
  env::Random random(1);
  std::string where;
  while (where.find("entry") == std::string::npos) where = store(2).Damage(random);
  cluster_.atlas().OnLost(store(2).id());
  const StoreId former = store(2).id();
  store(2).Kill(testing::CrashMoment::kBetweenSteps);
  const absl::Status refused = cluster_.StartStore(store(2));
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_EQ(cluster_.damage_found(), 1u);
  ASSERT_TRUE(cluster_.StartStore(store(2)).ok());
  EXPECT_NE(store(2).id(), former);
  AwaitSettled();
  EXPECT_EQ(Get("k"), "v");
}

}  // namespace
}  // namespace flotilla::sim
