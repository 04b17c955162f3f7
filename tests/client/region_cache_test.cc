#include "client/region_cache.h"

#include <gtest/gtest.h>

#include <map>

namespace flotilla::client {
namespace {

using std::chrono::seconds;

RegionRoute Route(uint64_t id, uint64_t version, std::string start, std::string end,
                  uint64_t leader = 0) {
  RegionRoute route;
  route.id = RegionId(id);
  route.epoch = {1, version};
  route.range = {std::move(start), std::move(end)};
  for (uint64_t store = 1; store <= 3; ++store) {
    route.peers.push_back({PeerId(id * 10 + store), StoreId(store)});
  }
  route.leader = PeerId(leader);
  return route;
}

class RegionCacheTest : public ::testing::Test {
 protected:
  RegionCache Make(size_t max_regions = 100) {
    return RegionCache(&clock_, env::Random(1), {seconds(600), max_regions});
  }
  static uint64_t IdOf(const RegionRef& region) { return region ? region->id().value() : 0; }

  env::ManualClock clock_;
};

TEST_F(RegionCacheTest, FindsTheRegionThatHoldsAKey) {
  RegionCache cache = Make();
  EXPECT_EQ(cache.Find("a"), nullptr);
  cache.Insert(Route(1, 1, "b", "d"));
  cache.Insert(Route(2, 1, "d", ""));
  EXPECT_EQ(IdOf(cache.Find("a")), 0u);
  EXPECT_EQ(IdOf(cache.Find("b")), 1u);
  EXPECT_EQ(IdOf(cache.Find(std::string("b\0", 2))), 1u);
  EXPECT_EQ(IdOf(cache.Find("czz")), 1u);
  EXPECT_EQ(IdOf(cache.Find("d")), 2u);
  EXPECT_EQ(IdOf(cache.Find("\xff\xff")), 2u);
}

TEST_F(RegionCacheTest, FindsTheRegionBelowAnUpperBound) {
  RegionCache cache = Make();
  cache.Insert(Route(1, 1, "", "d"));
  cache.Insert(Route(2, 1, "d", "h"));
  EXPECT_EQ(IdOf(cache.FindBefore("d")), 1u) << "a bound that is a border belongs to the left";
  EXPECT_EQ(IdOf(cache.FindBefore("e")), 2u);
  EXPECT_EQ(IdOf(cache.FindBefore("h")), 2u);
  EXPECT_EQ(IdOf(cache.FindBefore("i")), 0u);
  EXPECT_EQ(IdOf(cache.FindBefore("")), 0u) << "the last region is not known";
  cache.Insert(Route(3, 1, "h", ""));
  EXPECT_EQ(IdOf(cache.FindBefore("")), 3u);
}

TEST_F(RegionCacheTest, KeepsTheNewerEpochOfARegion) {
  RegionCache cache = Make();
  cache.Insert(Route(1, 5, "", "m"));
  const RegionRef believed = cache.Insert(Route(1, 4, "", ""));
  EXPECT_EQ(believed->epoch().version, 5u);
  EXPECT_EQ(cache.Find("x"), nullptr);
  cache.Insert(Route(1, 6, "", "g"));
  EXPECT_EQ(IdOf(cache.Find("f")), 1u);
  EXPECT_EQ(cache.Find("h"), nullptr);
  EXPECT_EQ(cache.size(), 1u);
}

TEST_F(RegionCacheTest, ASplitReplacesWhatItOverlaps) {
  RegionCache cache = Make();
  cache.Insert(Route(1, 1, "", ""));
  cache.Insert(Route(2, 2, "m", ""));
  EXPECT_EQ(cache.Find("a"), nullptr) << "the old whole overlapped and went";
  cache.Insert(Route(1, 2, "", "m"));
  EXPECT_EQ(IdOf(cache.Find("a")), 1u);
  EXPECT_EQ(IdOf(cache.Find("z")), 2u);
}

TEST_F(RegionCacheTest, AMergeReplacesBothParts) {
  RegionCache cache = Make();
  cache.Insert(Route(1, 2, "", "g"));
  cache.Insert(Route(2, 2, "g", "m"));
  cache.Insert(Route(3, 2, "m", ""));
  cache.Insert(Route(2, 3, "", "m"));
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(IdOf(cache.Find("a")), 2u);
  EXPECT_EQ(IdOf(cache.Find("z")), 3u);
}

TEST_F(RegionCacheTest, StartsWithTheLeaderAndSwitches) {
  RegionCache cache = Make();
  const RegionRef region = cache.Insert(Route(1, 1, "", "", 12));
  EXPECT_EQ(region->target().store_id, StoreId(2));
  EXPECT_TRUE(region->SwitchTo(PeerId(13)));
  EXPECT_EQ(region->target().store_id, StoreId(3));
  EXPECT_FALSE(region->SwitchTo(PeerId(99))) << "a peer that the route does not have";
  EXPECT_EQ(region->target().store_id, StoreId(3));
}

TEST_F(RegionCacheTest, SwitchFromAFailedPeerHappensOnce) {
  RegionCache cache = Make();
  const RegionRef region = cache.Insert(Route(1, 1, "", "", 11));
  region->SwitchFrom(PeerId(11));
  EXPECT_EQ(region->target().id, PeerId(12));
  region->SwitchFrom(PeerId(11));
  EXPECT_EQ(region->target().id, PeerId(12)) << "a second failure of the same peer is no news";
  region->SwitchFrom(PeerId(12));
  region->SwitchFrom(PeerId(13));
  EXPECT_EQ(region->target().id, PeerId(11));
}

TEST_F(RegionCacheTest, LearnersAreNotAsked) {
  RegionRoute route = Route(1, 1, "", "");
  route.peers[0].can_lead = false;
  route.peers[2].can_lead = false;
  RegionCache cache = Make();
  const RegionRef region = cache.Insert(route);
  EXPECT_EQ(region->target().id, PeerId(12));
  region->SwitchFrom(PeerId(12));
  EXPECT_EQ(region->target().id, PeerId(12)) << "there is no other candidate";
}

TEST_F(RegionCacheTest, InvalidateForgetsOnlyTheRouteThatWasMeant) {
  RegionCache cache = Make();
  const RegionRef old = cache.Insert(Route(1, 1, "", ""));
  cache.Insert(Route(1, 2, "", ""));
  cache.Invalidate(*old);
  EXPECT_EQ(IdOf(cache.Find("a")), 1u) << "the newer route stays";
  cache.Invalidate(*cache.Find("a"));
  EXPECT_EQ(cache.Find("a"), nullptr);
}

TEST_F(RegionCacheTest, WhatWasForgottenMayBeBelievedAgain) {
  RegionCache cache = Make();
  EXPECT_EQ(cache.Revive("a"), nullptr) << "nothing was ever known";
  cache.Insert(Route(1, 2, "", "m"));
  cache.Insert(Route(2, 2, "m", ""));
  cache.Invalidate(*cache.Find("a"));
  ASSERT_EQ(cache.Find("a"), nullptr);
  EXPECT_EQ(IdOf(cache.Revive("a")), 1u);
  EXPECT_EQ(IdOf(cache.Find("a")), 1u);
  clock_.Advance(seconds(60));
  EXPECT_EQ(cache.Find("a"), nullptr) << "not for long";
  clock_.Advance(seconds(700));
  EXPECT_EQ(IdOf(cache.ReviveBefore("")), 2u) << "too old, and better than nothing";
  EXPECT_EQ(IdOf(cache.FindBefore("")), 2u);
  // What takes its place may be older: whoever was forgotten has no say.
  cache.Invalidate(*cache.Find("z"));
  cache.Insert(Route(2, 1, "k", ""));
  EXPECT_EQ(IdOf(cache.Find("z")), 2u);
  EXPECT_EQ(cache.Revive("a"), nullptr) << "it overlaps";
}

TEST_F(RegionCacheTest, RoutesAgeAndGo) {
  RegionCache cache = Make();
  cache.Insert(Route(1, 1, "", ""));
  clock_.Advance(seconds(599));
  EXPECT_NE(cache.Find("a"), nullptr);
  clock_.Advance(seconds(62));
  EXPECT_EQ(cache.Find("a"), nullptr);
}

TEST_F(RegionCacheTest, HasABound) {
  RegionCache cache = Make(/*max_regions=*/10);
  for (int i = 0; i < 50; ++i) {
    const std::string start(1, static_cast<char>('0' + i));
    const std::string end(1, static_cast<char>('0' + i + 1));
    cache.Insert(Route(i + 1, 1, start, end));
    EXPECT_EQ(IdOf(cache.Find(start)), static_cast<uint64_t>(i + 1)) << "the newest is kept";
  }
  EXPECT_EQ(cache.size(), 10u);
}

// Against a list of routes that is searched from end to end.
TEST_F(RegionCacheTest, AgreesWithANaiveModel) {
  env::Random random(20);
  RegionCache cache = Make();
  std::map<uint64_t, RegionRoute> model;
  uint64_t version = 1;
  for (int step = 0; step < 3000; ++step) {
    std::string start(1, static_cast<char>('a' + random.Uniform(20)));
    std::string end(1, static_cast<char>('a' + random.Uniform(20)));
    if (start >= end) end.clear();
    const uint64_t id = 1 + random.Uniform(12);
    if (random.Chance(0.9)) ++version;
    const RegionRoute route = Route(id, random.Chance(0.2) ? version / 2 + 1 : version, start, end);
    cache.Insert(route);
    if (!model.contains(id) || !route.epoch.IsOlderThan(model[id].epoch)) {
      std::erase_if(model, [&](const auto& known) {
        return known.first == id || known.second.range.Overlaps(route.range);
      });
      model[id] = route;
    }
    ASSERT_EQ(cache.size(), model.size());
    const std::string key(1, static_cast<char>('a' + random.Uniform(20)));
    uint64_t expected = 0;
    for (const auto& [known_id, known] : model) {
      if (known.range.Contains(key)) expected = known_id;
    }
    ASSERT_EQ(IdOf(cache.Find(key)), expected) << "step " << step << " key " << key;
  }
}

}  // namespace
}  // namespace flotilla::client
