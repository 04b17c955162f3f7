// The first start of PD's members, in the simulator: slow, staggered and with crashes at any
// moment; and members whose disks are emptied.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "tests/sim/cluster.h"

namespace flotilla::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

Plan MakePlan(uint64_t seed, int members, Profile profile) {
  Plan plan = Plan::Draw(seed, profile);
  plan.pd_members = members;
  plan.stores = 0;
  plan.clients = 0;
  return plan;
}

class FoundingTest : public ::testing::Test {
 protected:
  void SetUp() override { CHECK_OK(base::SetLogLevel("error")); }

  static bool AllHaveJoined(Cluster& cluster) {
    for (auto& member : cluster.pd()) {
      if (!member->IsUp() || !member->HasJoined()) return false;
    }
    return true;
  }
  static void StartAll(Cluster& cluster) {
    for (auto& member : cluster.pd()) {
      if (!member->IsUp()) cluster.StartPd(*member);
    }
  }
  static void ExpectOneCluster(Cluster& cluster) {
    ASSERT_TRUE(cluster.world().RunUntil(
        [&] { return AllHaveJoined(cluster) && cluster.PdLeader() != nullptr; }, seconds(60)));
    cluster.world().RunFor(seconds(5));
    std::set<uint64_t> ids;
    for (auto& member : cluster.pd()) {
      ids.insert(member->replica().store().reader().Cluster()->cluster_id());
    }
    EXPECT_EQ(ids.size(), 1u);
    EXPECT_FALSE(ids.contains(0));
  }
};

TEST_F(FoundingTest, AFirstStartMayBeSlowStaggeredAndEndAtAnyMoment) {
  for (uint64_t seed = 1; seed <= 200 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Cluster cluster(MakePlan(seed, seed % 3 == 0 ? 5 : 3, Profile::kStorm));
    env::Random random(seed);
    cluster.BeginFaults();
    for (int action = 0; action < 25; ++action) {
      PdNode& member = *cluster.pd()[random.Uniform(cluster.pd().size())];
      if (!member.IsUp()) {
        cluster.StartPd(member);
      } else if (random.Chance(0.5)) {
        member.Kill();
      }
      // Most of it happens within the time of a few messages.
      cluster.world().RunFor(std::chrono::microseconds(
          random.Chance(0.7) ? random.Uniform(30'000) : random.Uniform(1'000'000)));
    }
    ASSERT_TRUE(cluster.HealAll().ok());
    ExpectOneCluster(cluster);
  }
}

TEST_F(FoundingTest, AMemberThatComesLateJoinsTheOthers) {
  Cluster cluster(MakePlan(1, 3, Profile::kQuiet));
  StartAll(cluster);
  // Until all have written down the founders; then one of them is away.
  ASSERT_TRUE(cluster.world().RunUntil([&] { return cluster.pd()[0]->HasJoined(); }, seconds(10)));
  cluster.pd()[2]->Kill();
  cluster.world().RunFor(seconds(600));
  EXPECT_NE(cluster.PdLeader(), nullptr);
  cluster.StartPd(*cluster.pd()[2]);
  ExpectOneCluster(cluster);
}

TEST_F(FoundingTest, WithoutOneOfThemNobodyBegins) {
  Cluster cluster(MakePlan(1, 3, Profile::kQuiet));
  cluster.StartPd(*cluster.pd()[0]);
  cluster.StartPd(*cluster.pd()[1]);
  cluster.world().RunFor(seconds(60));
  EXPECT_FALSE(cluster.pd()[0]->HasJoined());
  EXPECT_FALSE(cluster.pd()[1]->HasJoined());
  cluster.StartPd(*cluster.pd()[2]);
  ExpectOneCluster(cluster);
}

// Whoever of the others is there: it does not take part, and the others go on.
TEST_F(FoundingTest, AnEmptiedMemberNeverTakesPart) {
  for (const int members : {3, 5}) {
    Cluster cluster(MakePlan(2, members, Profile::kQuiet));
    StartAll(cluster);
    ExpectOneCluster(cluster);
    PdNode& victim = *cluster.pd().back();
    for (uint32_t up = 0; up < (1u << (members - 1)); ++up) {
      SCOPED_TRACE("others " + std::to_string(up) + " of " + std::to_string(members));
      victim.Kill();
      std::unique_ptr<Disk> own =
          victim.ExchangeDisk(std::make_unique<Disk>(cluster.plan().pd.disk));
      for (int i = 0; i < members - 1; ++i) {
        if ((up >> i & 1) == 0) cluster.pd()[i]->Kill();
      }
      cluster.StartPd(victim);
      cluster.world().RunFor(seconds(10));
      EXPECT_FALSE(victim.HasJoined());
      EXPECT_EQ(victim.death().ok(), up == 0) << victim.death();
      if (up != 0) {
        EXPECT_EQ(victim.death().code(), absl::StatusCode::kFailedPrecondition);
        EXPECT_THAT(std::string(victim.death().message()),
                    HasSubstr("its data directory is empty"));
        EXPECT_THAT(std::string(victim.death().message()), HasSubstr("docs/operations.md"));
      }
      victim.Kill();
      victim.ExchangeDisk(std::move(own));
      StartAll(cluster);
      ExpectOneCluster(cluster);
    }
  }
}

// Members, but never all of them, are emptied while the cluster is founded: perhaps it never is,
// but there are no two of it.
TEST_F(FoundingTest, EmptiedWhileItIsFoundedItIsFoundedOnceAtMost) {
  int founded = 0;
  for (uint64_t seed = 1; seed <= 200 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Cluster cluster(MakePlan(seed, 3, Profile::kStorm));
    env::Random random(seed);
    cluster.BeginFaults();
    std::set<size_t> emptied;
    std::set<uint64_t> ids;
    const auto look = [&] {
      for (auto& member : cluster.pd()) {
        if (!member->IsUp() || !member->HasJoined()) continue;
        const auto meta = member->replica().store().reader().Cluster();
        if (meta.ok() && meta->cluster_id() != 0) ids.insert(meta->cluster_id());
      }
      cluster.BuryTheDead();
    };
    for (int action = 0; action < 40; ++action) {
      const size_t which = random.Uniform(cluster.pd().size());
      PdNode& member = *cluster.pd()[which];
      if (!member.IsUp()) {
        if (random.Chance(0.2) && emptied.size() < 2 + emptied.count(which)) {
          emptied.insert(which);
          member.ExchangeDisk(std::make_unique<Disk>(cluster.plan().pd.disk));
        }
        cluster.StartPd(member);
      } else if (random.Chance(0.3)) {
        member.Kill();
      }
      cluster.world().RunFor(std::chrono::microseconds(
          random.Chance(0.7) ? random.Uniform(100'000) : random.Uniform(5'000'000)));
      look();
    }
    ASSERT_TRUE(cluster.HealAll().ok());
    for (int i = 0; i < 100; ++i) {
      cluster.world().RunFor(milliseconds(200));
      look();
    }
    EXPECT_LE(ids.size(), 1u);
    founded += static_cast<int>(ids.size());
  }
  EXPECT_GT(founded, 20);
}

}  // namespace
}  // namespace flotilla::sim
