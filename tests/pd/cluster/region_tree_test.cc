#include "pd/cluster/region_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/env/random.h"

namespace flotilla::pd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Spec {
  uint64_t id;
  std::string start = {};
  std::string end = {};
  uint64_t version = 1;
  uint64_t conf_ver = 1;
  uint64_t term = 5;
  uint64_t leader_store = 1;
};

RegionPtr Make(const Spec& spec) {
  auto region = std::make_shared<RegionInfo>();
  region->meta.set_id(spec.id);
  region->meta.set_start_key(spec.start);
  region->meta.set_end_key(spec.end);
  region->meta.mutable_region_epoch()->set_version(spec.version);
  region->meta.mutable_region_epoch()->set_conf_ver(spec.conf_ver);
  for (uint64_t store = 1; store <= 3; ++store) {
    metapb::Peer* peer = region->meta.add_peers();
    peer->set_id(spec.id * 10 + store);
    peer->set_store_id(store);
    if (store == spec.leader_store) region->leader = *peer;
  }
  region->term = spec.term;
  return region;
}

std::vector<uint64_t> Ids(const std::vector<RegionPtr>& regions) {
  std::vector<uint64_t> ids;
  for (const RegionPtr& region : regions) ids.push_back(region->id().value());
  return ids;
}

TEST(RegionTreeTest, FindsByKeyAndById) {
  RegionTree tree;
  ASSERT_TRUE(tree.Put(Make({1, "", "b"})).ok());
  ASSERT_TRUE(tree.Put(Make({2, "b", "d"})).ok());
  ASSERT_TRUE(tree.Put(Make({3, "d", ""})).ok());
  EXPECT_EQ(tree.FindByKey("")->id(), RegionId(1));
  EXPECT_EQ(tree.FindByKey("azz")->id(), RegionId(1));
  EXPECT_EQ(tree.FindByKey("b")->id(), RegionId(2));
  EXPECT_EQ(tree.FindByKey("zzz")->id(), RegionId(3));
  EXPECT_EQ(tree.Find(RegionId(2))->start(), "b");
  EXPECT_EQ(tree.Find(RegionId(4)), nullptr);
}

TEST(RegionTreeTest, PreviousRegionEndsAtTheStart) {
  RegionTree tree;
  ASSERT_TRUE(tree.Put(Make({1, "", "b"})).ok());
  ASSERT_TRUE(tree.Put(Make({2, "b", "d"})).ok());
  ASSERT_TRUE(tree.Put(Make({3, "e", ""})).ok());
  EXPECT_EQ(tree.FindPrevious("c")->id(), RegionId(1));
  EXPECT_EQ(tree.FindPrevious("a"), nullptr);
  // [d, e) is not known: nobody may be taken for the neighbour.
  EXPECT_EQ(tree.FindPrevious("f"), nullptr);
  EXPECT_EQ(tree.FindPrevious("d"), nullptr);
}

TEST(RegionTreeTest, ScanIsBoundedByEndAndLimit) {
  RegionTree tree;
  ASSERT_TRUE(tree.Put(Make({1, "", "b"})).ok());
  ASSERT_TRUE(tree.Put(Make({2, "b", "d"})).ok());
  ASSERT_TRUE(tree.Put(Make({3, "d", "f"})).ok());
  ASSERT_TRUE(tree.Put(Make({4, "f", ""})).ok());
  EXPECT_THAT(Ids(tree.Scan({"", ""}, 0)), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Ids(tree.Scan({"c", ""}, 2)), ElementsAre(2, 3));
  EXPECT_THAT(Ids(tree.Scan({"c", "d"}, 0)), ElementsAre(2));
  EXPECT_THAT(Ids(tree.Scan({"c", "d\x01"}, 0)), ElementsAre(2, 3));
}

TEST(RegionTreeTest, OlderEpochOfTheSameRegionIsIgnored) {
  RegionTree tree;
  ASSERT_TRUE(tree.Put(Make({.id = 1, .start = "", .end = "m", .version = 3, .conf_ver = 5})).ok());
  EXPECT_EQ(tree.Put(Make({.id = 1, .start = "", .end = "", .version = 2, .conf_ver = 5}))
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(tree.Put(Make({.id = 1, .start = "", .end = "m", .version = 3, .conf_ver = 4}))
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(tree.FindByKey("a")->end(), "m");
  EXPECT_EQ(tree.FindByKey("z"), nullptr);
}

TEST(RegionTreeTest, OlderLeaderOfTheSameEpochIsIgnored) {
  RegionTree tree;
  ASSERT_TRUE(tree.Put(Make({.id = 1, .term = 7, .leader_store = 2})).ok());
  EXPECT_FALSE(tree.Put(Make({.id = 1, .term = 6, .leader_store = 1})).ok());
  EXPECT_EQ(tree.Find(RegionId(1))->leader_store(), StoreId(2));
  // A stored region has no term: any leader is news.
  RegionTree loaded;
  ASSERT_TRUE(loaded.Put(RegionFromMeta(Make({.id = 1})->meta)).ok());
  EXPECT_EQ(loaded.led_count(), 0u);
  auto outcome = loaded.Put(Make({.id = 1, .term = 6}));
  ASSERT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome->meta_changed);
  EXPECT_EQ(loaded.led_count(), 1u);
}

TEST(RegionTreeTest, SplitReportsRemoveWhatTheyCover) {
  RegionTree tree;
  ASSERT_TRUE(tree.Put(Make({.id = 1, .start = "", .end = "", .version = 1})).ok());
  // The right piece keeps the id; the left child may report first.
  auto child = tree.Put(Make({.id = 2, .start = "", .end = "m", .version = 2}));
  ASSERT_TRUE(child.ok());
  EXPECT_THAT(child->removed, ElementsAre(RegionId(1)));
  EXPECT_EQ(tree.FindByKey("z"), nullptr);
  auto parent = tree.Put(Make({.id = 1, .start = "m", .end = "", .version = 2}));
  ASSERT_TRUE(parent.ok());
  EXPECT_THAT(parent->removed, IsEmpty());
  EXPECT_TRUE(parent->meta_changed);
  EXPECT_EQ(tree.FindByKey("z")->id(), RegionId(1));
  // A late report of the parent from before the split.
  EXPECT_FALSE(tree.Put(Make({.id = 1, .start = "", .end = "", .version = 1})).ok());
  EXPECT_EQ(tree.size(), 2u);
}

TEST(RegionTreeTest, OverlapWithANewerRegionIsIgnored) {
  RegionTree tree;
  ASSERT_TRUE(tree.Put(Make({.id = 1, .start = "a", .end = "m", .version = 9})).ok());
  EXPECT_FALSE(tree.Put(Make({.id = 2, .start = "", .end = "", .version = 8})).ok());
  EXPECT_EQ(tree.Find(RegionId(2)), nullptr);
}

TEST(RegionTreeTest, CountsPeersAndLeadersByStore) {
  RegionTree tree;
  ASSERT_TRUE(tree.Put(Make({.id = 1, .start = "", .end = "m", .leader_store = 1})).ok());
  ASSERT_TRUE(tree.Put(Make({.id = 2, .start = "m", .end = "", .leader_store = 1})).ok());
  EXPECT_EQ(tree.LeaderCount(StoreId(1)), 2);
  EXPECT_EQ(tree.PeerCount(StoreId(3)), 2);
  ASSERT_TRUE(
      tree.Put(Make({.id = 1, .start = "", .end = "m", .term = 6, .leader_store = 3})).ok());
  EXPECT_EQ(tree.LeaderCount(StoreId(1)), 1);
  EXPECT_EQ(tree.LeaderCount(StoreId(3)), 1);
  EXPECT_EQ(tree.PeerCount(StoreId(3)), 2);
  EXPECT_EQ(tree.PeerCount(StoreId(9)), 0);
}

// Random splits of a growing set, reported out of order and repeatedly: the tree never overlaps,
// and once everything was reported it is the truth.
TEST(RegionTreeTest, RandomSplitsInRandomOrderEndInTheTruth) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    env::Random random(seed);
    std::map<uint64_t, Spec> truth{{1, {.id = 1, .start = "", .end = ""}}};
    std::vector<Spec> reports{truth[1]};
    uint64_t next_id = 2;
    for (int i = 0; i < 40; ++i) {
      auto it = truth.begin();
      std::advance(it, random.Uniform(truth.size()));
      Spec& parent = it->second;
      std::string at(1 + random.Uniform(3), 0);
      for (char& c : at) c = static_cast<char>('a' + random.Uniform(26));
      if (!Make(parent)->CanSplitAt(at)) continue;
      Spec child{.id = next_id++, .start = parent.start, .end = at};
      child.version = ++parent.version;
      parent.start = at;
      reports.push_back(child);
      reports.push_back(parent);
      truth[child.id] = child;
    }
    RegionTree tree;
    const auto check_disjoint = [&] {
      std::string last_end;
      bool first = true;
      for (const RegionPtr& region : tree.Scan({"", ""}, 0)) {
        if (!first) {
          ASSERT_FALSE(last_end.empty());
          ASSERT_LE(last_end, region->start());
        }
        first = false;
        last_end = region->end();
      }
    };
    for (int i = 0; i < 300; ++i) {
      (void)tree.Put(Make(reports[random.Uniform(reports.size())]));
      check_disjoint();
    }
    for (const auto& [id, spec] : truth) ASSERT_TRUE(tree.Put(Make(spec)).ok());
    for (const auto& [id, spec] : truth) {
      const RegionPtr region = tree.Find(RegionId(id));
      ASSERT_NE(region, nullptr) << "seed " << seed;
      EXPECT_EQ(region->start(), spec.start);
      EXPECT_EQ(region->end(), spec.end);
    }
    EXPECT_EQ(tree.size(), truth.size());
  }
}

}  // namespace
}  // namespace flotilla::pd
