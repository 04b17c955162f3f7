#include "common/env/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

namespace flotilla::env {
namespace {

std::vector<uint64_t> Draw(Random random, int count) {
  std::vector<uint64_t> drawn;
  for (int i = 0; i < count; ++i) drawn.push_back(random.Next());
  return drawn;
}

TEST(RandomTest, TheSameSeedGivesTheSameNumbers) {
  EXPECT_EQ(Draw(Random(7), 100), Draw(Random(7), 100));
  EXPECT_NE(Draw(Random(7), 100), Draw(Random(8), 100));
}

TEST(RandomTest, NumbersAreTheSameOnEveryMachine) {
  // xoshiro256** with its state filled by SplitMix64 from 0, computed apart from this code.
  EXPECT_EQ(Random(0).Next(), 0x99EC5F36CB75F2B4u);
}

TEST(RandomTest, ForksAreIndependentOfWhatWasDrawn) {
  Random parent(7);
  const auto before = Draw(parent.Fork("network"), 10);
  parent.Next();
  EXPECT_EQ(Draw(parent.Fork("network"), 10), before);
  EXPECT_NE(Draw(parent.Fork("disk"), 10), before);
  EXPECT_NE(Draw(parent, 10), before);
}

TEST(RandomTest, UniformReachesEveryValueAboutAsOften) {
  Random random(3);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70'000; ++i) ++seen[random.Uniform(7)];
  for (const int count : seen) {
    EXPECT_GT(count, 9'500);
    EXPECT_LT(count, 10'500);
  }
}

TEST(RandomTest, BetweenIncludesBothEnds) {
  Random random(5);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.Between(10, 12));
  EXPECT_EQ(seen, (std::set<uint64_t>{10, 11, 12}));
  EXPECT_EQ(random.Between(4, 4), 4u);
}

TEST(RandomTest, FractionIsBelowOneAndChanceFollowsIt) {
  Random random(11);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double fraction = random.Fraction();
    ASSERT_GE(fraction, 0.0);
    ASSERT_LT(fraction, 1.0);
    hits += random.Chance(0.25);
  }
  EXPECT_NEAR(hits, 2'500, 200);
  EXPECT_FALSE(random.Chance(0));
  EXPECT_TRUE(random.Chance(1));
}

TEST(RandomTest, ABoundOfZeroIsAProgrammersError) { EXPECT_DEATH(Random(1).Uniform(0), "bound"); }

}  // namespace
}  // namespace flotilla::env
