// Links between stores that are cut in one direction, between some, or again and again: the others
// go on, nobody serves what is old, and terms do not run away.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/store/store_cluster.h"

namespace flotilla::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kKey[] = "key";

StoreClusterOptions Options(uint64_t seed, int stores) {
  StoreClusterOptions options;
  options.seed = seed;
  options.stores = stores;
  options.voters = stores;
  return options;
}

StoreId Id(int store) { return StoreId(static_cast<uint64_t>(store)); }

int LeaderStore(StoreCluster& cluster) {
  const RegionViewPtr leader = cluster.WaitForLeader(kKey);
  return leader == nullptr ? 0 : static_cast<int>(leader->self.store_id());
}

// The latest that any store knows.
uint64_t Term(StoreCluster& cluster) {
  uint64_t term = 0;
  for (int store = 1; store <= cluster.stores(); ++store) {
    term = std::max(term, cluster.ViewOn(store, kKey)->peer->term.load());
  }
  return term;
}

bool SaysThatItLeads(StoreCluster& cluster, int store) {
  const RegionViewPtr view = cluster.ViewOn(store, kKey);
  return view->peer->leader.load() == view->self.id();
}

TEST(PartitionTest, ALeaderThatIsHeardOnlyOrHearsOnlyIsReplaced) {
  for (const bool hears : {false, true}) {
    SCOPED_TRACE(hears ? "hears only" : "is heard only");
    StoreCluster cluster(Options(1, 3));
    ASSERT_TRUE(cluster.Put(kKey, "before"));
    const int old_leader = LeaderStore(cluster);
    for (int other = 1; other <= 3; ++other) {
      if (other == old_leader) continue;
      if (hears) {
        cluster.network().Cut(Id(old_leader), Id(other));
      } else {
        cluster.network().Cut(Id(other), Id(old_leader));
      }
    }
    ASSERT_TRUE(cluster.RunUntil([&] { return !SaysThatItLeads(cluster, old_leader); }, seconds(5)))
        << "a leader that no quorum answers steps down";
    ASSERT_TRUE(cluster.RunUntil([&] { return cluster.LeaderOf(kKey) != nullptr; }, seconds(5)));
    EXPECT_NE(LeaderStore(cluster), old_leader);
    ASSERT_TRUE(cluster.Put(kKey, "meanwhile"));
    const uint64_t term = Term(cluster);
    cluster.world().RunFor(seconds(60));
    EXPECT_EQ(Term(cluster), term) << "it disturbs nobody";
    cluster.network().Heal();
    cluster.world().RunFor(seconds(5));
    EXPECT_LE(Term(cluster), term + 1);
    EXPECT_EQ(cluster.Get(kKey), "meanwhile");
    EXPECT_TRUE(cluster.violations().empty());
  }
}

TEST(PartitionTest, OneStoreThatSeesBothHalvesIsEnough) {
  StoreCluster cluster(Options(2, 3));
  ASSERT_TRUE(cluster.Put(kKey, "0"));
  const int leader = LeaderStore(cluster);
  // Whoever leads is an end of the chain, not its middle.
  const int end = leader % 3 + 1;
  cluster.network().Cut(Id(leader), Id(end));
  cluster.network().Cut(Id(end), Id(leader));
  const uint64_t term = Term(cluster);
  for (int i = 1; i <= 60; ++i) {
    ASSERT_TRUE(cluster.Put(kKey, std::to_string(i)));
    cluster.world().RunFor(seconds(1));
  }
  EXPECT_LE(Term(cluster), term + 1) << "its far end does not take the leadership again and again";
  cluster.network().Heal();
  EXPECT_EQ(cluster.Get(kKey), "60");
  EXPECT_TRUE(cluster.violations().empty());
}

TEST(PartitionTest, InARingEachSeesAnotherMajority) {
  StoreCluster cluster(Options(3, 5));
  ASSERT_TRUE(cluster.Put(kKey, "0"));
  // Everybody reaches the two beside it.
  for (int a = 1; a <= 5; ++a) {
    for (const int away : {2, 3}) cluster.network().Cut(Id(a), Id((a - 1 + away) % 5 + 1));
  }
  const uint64_t term = Term(cluster);
  for (int i = 1; i <= 60; ++i) {
    ASSERT_TRUE(cluster.Put(kKey, std::to_string(i)));
    cluster.world().RunFor(seconds(1));
  }
  EXPECT_LE(Term(cluster), term + 2);
  cluster.network().Heal();
  EXPECT_EQ(cluster.Get(kKey), "60");
  EXPECT_TRUE(cluster.violations().empty());
}

TEST(PartitionTest, AFlappingLinkDoesNotRaiseTerms) {
  StoreCluster cluster(Options(4, 3));
  ASSERT_TRUE(cluster.Put(kKey, "0"));
  const uint64_t term = Term(cluster);
  const int leader = LeaderStore(cluster);
  const int follower = leader % 3 + 1;
  for (int i = 1; i <= 300; ++i) {
    if (i % 2 == 1) {
      cluster.network().Cut(Id(leader), Id(follower));
      cluster.network().Cut(Id(follower), Id(leader));
    } else {
      cluster.network().Heal();
    }
    ASSERT_TRUE(cluster.Put(kKey, std::to_string(i)));
    cluster.world().RunFor(milliseconds(100));
  }
  cluster.network().Heal();
  EXPECT_LE(Term(cluster), term + 1);
  EXPECT_EQ(cluster.Get(kKey), "300");
  EXPECT_TRUE(cluster.violations().empty());
}

}  // namespace
}  // namespace flotilla::store
