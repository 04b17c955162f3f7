#include "store/memory_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "common/base/units.h"

namespace flotilla::store {
namespace {

using ::testing::HasSubstr;

uint64_t SumOf(const StoreConfig& config) {
  const auto shares = MemorySharesOf(config);
  return std::accumulate(shares.begin(), shares.end(), uint64_t{0},
                         [](uint64_t sum, const MemoryShare& share) { return sum + share.bytes; });
}

TEST(MemoryBudgetTest, SharesFitBudgetsOfAllSizes) {
  for (const uint64_t limit :
       {uint64_t{0}, 512 * kMiB, 1 * kGiB, 4 * kGiB, 24 * kGiB, 999 * kGiB}) {
    StoreConfig config;
    const absl::Status fits = FitMemory(config, limit);
    EXPECT_TRUE(fits.ok()) << limit << ": " << fits;
    EXPECT_LE(SumOf(config), config.memory.budget_bytes / 10 * 9) << limit;
    EXPECT_GT(SumOf(config), config.memory.budget_bytes / 3) << limit;
    EXPECT_LT(config.storage.log_memtable_bytes, config.storage.memtable_bytes);
    // Once filled in, it stays.
    const uint64_t before = SumOf(config);
    EXPECT_TRUE(FitMemory(config, 1).ok());
    EXPECT_EQ(SumOf(config), before);
  }
}

TEST(MemoryBudgetTest, TheBudgetIsAQuarterOfWhatTheMachineHas) {
  StoreConfig config;
  ASSERT_TRUE(FitMemory(config, 16 * kGiB).ok());
  EXPECT_EQ(config.memory.budget_bytes, 4 * kGiB);
  EXPECT_EQ(config.storage.memtable_bytes, 64 * kMiB);
  StoreConfig given;
  given.memory.budget_bytes = 3 * kGiB;
  ASSERT_TRUE(FitMemory(given, 16 * kGiB).ok());
  EXPECT_EQ(given.memory.budget_bytes, 3 * kGiB);
}

TEST(MemoryBudgetTest, WhatIsGivenHoldsAndIsCheckedAgainstTheBudget) {
  StoreConfig config;
  config.memory.budget_bytes = 1 * kGiB;
  config.storage.block_cache_bytes = 200 * kMiB;
  ASSERT_TRUE(FitMemory(config, 16 * kGiB).ok());
  EXPECT_EQ(config.storage.block_cache_bytes, 200 * kMiB);

  config = {};
  config.memory.budget_bytes = 1 * kGiB;
  config.storage.block_cache_bytes = 900 * kMiB;
  const absl::Status refused = FitMemory(config, 16 * kGiB);
  ASSERT_FALSE(refused.ok());
  const std::string text(refused.message());
  EXPECT_THAT(text, HasSubstr("memory.budget (1GiB) is too small"));
  EXPECT_THAT(text, HasSubstr("storage.block-cache takes 900MiB"));
  EXPECT_THAT(text, HasSubstr("raise it, or lower"));
}

}  // namespace
}  // namespace flotilla::store
