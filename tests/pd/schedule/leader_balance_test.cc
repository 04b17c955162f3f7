#include "pd/schedule/leader_balance.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "pd/schedule/split_checker.h"
#include "tests/pd/cluster_builder.h"

namespace flotilla::pd {
namespace {

std::optional<Operator> Balance(const ClusterBuilder& built, env::Random& random) {
  std::optional<Operator> op;
  built.cluster.WithView([&](const ClusterView& view) {
    op = BalanceLeaders({}, view, random, [](RegionId) { return false; });
  });
  return op;
}

void PutRegions(ClusterBuilder& built, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string start = i == 0 ? "" : absl::StrFormat("k%03d", i);
    const std::string end = i + 1 == count ? "" : absl::StrFormat("k%03d", i + 1);
    built.Put(MakeRegion(10 + i, start, end, {1, 2, 3}));
  }
}

TEST(LeaderBalanceTest, LeadersSpreadEvenlyAndThenStay) {
  ClusterBuilder built(3);
  PutRegions(built, 30);
  env::Random random(1);
  int moves = 0;
  while (auto op = Balance(built, random)) {
    ASSERT_LT(++moves, 30);
    const RegionPtr region = built.cluster.GetRegion(op->region_id);
    pdpb::RegionHeartbeatResponse instruction;
    FillInstruction(op->steps.at(0), *region, &instruction);
    built.Put(Obey(*region, instruction));
  }
  int least = 30;
  int most = 0;
  for (uint64_t store = 1; store <= 3; ++store) {
    least = std::min(least, built.cluster.LeaderCount(StoreId(store)));
    most = std::max(most, built.cluster.LeaderCount(StoreId(store)));
  }
  EXPECT_LE(most - least, 1);
  EXPECT_EQ(moves, 20);
}

TEST(LeaderBalanceTest, SilentStoresGetNoLeaders) {
  ClusterBuilder built(3);
  PutRegions(built, 9);
  built.clock.Advance(kStoreDisconnectedAfter);
  built.Beat(1);
  built.Beat(2);
  env::Random random(1);
  for (int i = 0; i < 4; ++i) {
    const auto op = Balance(built, random);
    ASSERT_TRUE(op.has_value());
    EXPECT_EQ(std::get<TransferLeader>(op->steps.at(0)).to, StoreId(2));
  }
}

TEST(LeaderBalanceTest, NothingBeforeTheLeadersAreKnown) {
  ClusterBuilder built(3);
  for (int i = 0; i < 10; ++i) {
    auto region = MakeRegion(10 + i, absl::StrCat("k", i), absl::StrCat("k", i + 1), {1, 2, 3});
    if (i >= 8) region->leader.Clear();
    built.Put(region);
  }
  env::Random random(1);
  EXPECT_FALSE(Balance(built, random).has_value());
}

TEST(LeaderBalanceTest, SameSeedSameChoice) {
  ClusterBuilder built(3);
  PutRegions(built, 30);
  env::Random a(7);
  env::Random b(7);
  EXPECT_EQ(Balance(built, a)->region_id, Balance(built, b)->region_id);
}

TEST(LeaderBalanceTest, ScatterMovesTheLeaderOnlyWhenItHelps) {
  ClusterBuilder built(3);
  PutRegions(built, 2);
  Operator op;
  const auto scatter = [&](uint64_t region) {
    built.cluster.WithView([&](const ClusterView& view) {
      op = ScatterLeader(view, *view.regions.Find(RegionId(region)));
    });
  };
  scatter(10);
  EXPECT_EQ(op.desc, "scatter-region");
  ASSERT_EQ(op.steps.size(), 1u);
  const StoreId target = std::get<TransferLeader>(op.steps[0]).to;
  EXPECT_NE(target, StoreId(1));
  const RegionPtr region = built.cluster.GetRegion(RegionId(10));
  pdpb::RegionHeartbeatResponse instruction;
  FillInstruction(op.steps[0], *region, &instruction);
  built.Put(Obey(*region, instruction));
  scatter(11);
  EXPECT_TRUE(op.steps.empty());
}

TEST(SplitCheckerTest, OnlyBoundariesInsideTheRegionCount) {
  const SplitBoundaries boundaries{"b", "d", "f"};
  const auto op = CheckSplit(boundaries, *MakeRegion(1, "b", "f", {1}));
  ASSERT_TRUE(op.has_value());
  EXPECT_EQ(std::get<SplitRegion>(op->steps.at(0)).keys, (std::vector<std::string>{"d"}));
  EXPECT_FALSE(CheckSplit(boundaries, *MakeRegion(1, "d", "f", {1})).has_value());
  EXPECT_FALSE(CheckSplit(boundaries, *MakeRegion(1, "f", "", {1})).has_value());
  EXPECT_FALSE(CheckSplit({}, *MakeRegion(1, "", "", {1})).has_value());
}

}  // namespace
}  // namespace flotilla::pd
