#include "common/raftlog/read_budget.h"

#include <gtest/gtest.h>

#include <map>

namespace flotilla::raftlog {
namespace {

constexpr RegionId kA{1}, kB{2}, kC{3};

TEST(ReadBudgetTest, WhoComesWhenNothingIsLeftWaitsForItsTurn) {
  ReadBudget budget(10);
  EXPECT_TRUE(budget.MayRead(kA));
  budget.Spend(25);  // One read may pass it.
  EXPECT_FALSE(budget.MayRead(kA));
  EXPECT_FALSE(budget.MayRead(kB));
  EXPECT_FALSE(budget.MayRead(kA));
  EXPECT_EQ(budget.TakeTurn(), std::nullopt);
  budget.BeginRound();
  // Nobody goes before those who wait.
  EXPECT_FALSE(budget.MayRead(kC));
  EXPECT_EQ(budget.TakeTurn(), kA);
  EXPECT_TRUE(budget.MayRead(kA));
  EXPECT_EQ(budget.TakeTurn(), kB);
  EXPECT_EQ(budget.TakeTurn(), kC);
  EXPECT_EQ(budget.TakeTurn(), std::nullopt);
  EXPECT_FALSE(budget.has_waiting());
  EXPECT_TRUE(budget.MayRead(kA));
}

TEST(ReadBudgetTest, GroupsThatNeedMuchGetEqualShares) {
  ReadBudget budget(3);
  std::map<RegionId, int> read;
  for (const RegionId region : {kA, kB, kC}) {
    while (budget.MayRead(region)) {
      budget.Spend(1);
      ++read[region];
    }
  }
  for (int round = 0; round < 300; ++round) {
    budget.BeginRound();
    int in_round = 0;
    while (const auto turn = budget.TakeTurn()) {
      for (; budget.MayRead(*turn); budget.Spend(1), ++in_round) ++read[*turn];
    }
    EXPECT_EQ(in_round, 3);
  }
  for (const RegionId region : {kA, kB, kC}) EXPECT_NEAR(read[region], 300, 3) << region;
}

}  // namespace
}  // namespace flotilla::raftlog
