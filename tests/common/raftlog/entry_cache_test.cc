#include "common/raftlog/entry_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "common/env/random.h"
#include "tests/common/raftlog/log_engine_under_test.h"

namespace flotilla::raftlog {
namespace {

using ::testing::IsEmpty;

constexpr RegionId kOne{1};
constexpr RegionId kTwo{2};

std::vector<raft::Entry> EntriesOf(uint64_t term, uint64_t first, uint64_t last) {
  return Append(kOne, term, first, last).entries;
}

// What one of EntriesOf's entries costs.
uint64_t EntryCost() {
  EntryCache cache(1 << 20);
  cache.Append(kOne, EntriesOf(1, 1, 1));
  return cache.bytes();
}

TEST(EntryCacheTest, ServesARangeOrItsBeginning) {
  EntryCache cache(1 << 20);
  cache.Append(kOne, EntriesOf(1, 5, 9));
  EXPECT_EQ(cache.Entries(kOne, Index(6), Index(9), UINT64_MAX), EntriesOf(1, 6, 8));
  EXPECT_EQ(cache.Entries(kOne, Index(8), Index(20), UINT64_MAX), EntriesOf(1, 8, 9));
  EXPECT_EQ(cache.Entries(kOne, Index(5), Index(9), 8), EntriesOf(1, 5, 6));
  EXPECT_EQ(cache.Entries(kOne, Index(5), Index(9), 0), EntriesOf(1, 5, 5));
  EXPECT_THAT(cache.Entries(kOne, Index(4), Index(9), UINT64_MAX), IsEmpty());
  EXPECT_THAT(cache.Entries(kOne, Index(10), Index(12), UINT64_MAX), IsEmpty());
  EXPECT_THAT(cache.Entries(kTwo, Index(5), Index(9), UINT64_MAX), IsEmpty());
  EXPECT_EQ(cache.TermAt(kOne, Index(9)), Term(1));
  EXPECT_EQ(cache.TermAt(kOne, Index(10)), std::nullopt);
  EXPECT_EQ(cache.FirstIndex(kOne), Index(5));
  EXPECT_EQ(cache.FirstIndex(kTwo), std::nullopt);
}

TEST(EntryCacheTest, AnAppendReplacesItsTailAndAGapReplacesAll) {
  EntryCache cache(1 << 20);
  cache.Append(kOne, EntriesOf(1, 1, 9));
  cache.Append(kOne, EntriesOf(2, 4, 5));
  EXPECT_EQ(cache.TermAt(kOne, Index(3)), Term(1));
  EXPECT_EQ(cache.TermAt(kOne, Index(4)), Term(2));
  EXPECT_EQ(cache.TermAt(kOne, Index(6)), std::nullopt);
  cache.Append(kOne, EntriesOf(3, 20, 21));
  EXPECT_EQ(cache.FirstIndex(kOne), Index(20));
  EXPECT_EQ(cache.bytes(), 2 * EntryCost());
}

TEST(EntryCacheTest, TheOldestEntriesOfAllGroupsGoFirst) {
  EntryCache cache(10 * EntryCost());
  cache.Append(kOne, EntriesOf(1, 1, 4));
  cache.Append(kTwo, EntriesOf(1, 1, 4));
  cache.Append(kOne, EntriesOf(1, 5, 7));  // One too many.
  EXPECT_EQ(cache.FirstIndex(kOne), Index(2));
  cache.Append(kTwo, EntriesOf(1, 5, 8));  // Four more: three of the first, one of the second.
  EXPECT_EQ(cache.FirstIndex(kOne), Index(5));
  EXPECT_EQ(cache.FirstIndex(kTwo), Index(2));
  EXPECT_EQ(cache.bytes(), 10 * EntryCost());
}

TEST(EntryCacheTest, AnAppendLargerThanTheCacheLeavesItsEnd) {
  EntryCache cache(3 * EntryCost());
  cache.Append(kOne, EntriesOf(1, 1, 10));
  EXPECT_EQ(cache.FirstIndex(kOne), Index(8));
  EntryCache none(0);
  none.Append(kOne, EntriesOf(1, 1, 10));
  EXPECT_EQ(none.FirstIndex(kOne), std::nullopt);
  EXPECT_EQ(none.bytes(), 0);
}

TEST(EntryCacheTest, TruncatedAndDroppedEntriesAreGone) {
  EntryCache cache(1 << 20);
  cache.Append(kOne, EntriesOf(1, 1, 10));
  cache.TruncateTo(kOne, Index(4));
  EXPECT_EQ(cache.FirstIndex(kOne), Index(5));
  cache.TruncateTo(kOne, Index(100));
  EXPECT_EQ(cache.FirstIndex(kOne), std::nullopt);
  cache.Append(kOne, EntriesOf(1, 1, 10));
  cache.Drop(kOne);
  cache.Drop(kOne);
  cache.TruncateTo(kOne, Index(1));
  EXPECT_EQ(cache.bytes(), 0);
}

TEST(EntryCacheTest, HoldsASuffixOfEachLogWithinItsBytes) {
  env::Random random(3);
  EntryCache cache(100 * EntryCost());
  std::map<RegionId, std::map<uint64_t, uint64_t>> logs;
  uint64_t term = 1;
  for (int step = 0; step < 5000; ++step) {
    const RegionId region(random.Between(1, 5));
    auto& log = logs[region];
    const uint64_t choice = random.Uniform(10);
    if (choice < 8) {
      const uint64_t end = log.empty() ? 0 : log.rbegin()->first;
      const uint64_t first = random.Between(end > 3 ? end - 3 : 1, end + 1);
      const uint64_t last = first + random.Uniform(10);
      log.erase(log.lower_bound(first), log.end());
      ++term;
      for (uint64_t index = first; index <= last; ++index) log[index] = term;
      cache.Append(region, EntriesOf(term, first, last));
    } else if (!log.empty()) {
      const uint64_t index = random.Between(log.begin()->first, log.rbegin()->first);
      log.erase(log.begin(), log.upper_bound(index));
      cache.TruncateTo(region, Index(index));
    }
    ASSERT_LE(cache.bytes(), cache.capacity_bytes());
    const auto first = cache.FirstIndex(region);
    if (!first) continue;
    for (const auto& [index, entry_term] : log) {
      if (Index(index) < *first) continue;
      ASSERT_EQ(cache.TermAt(region, Index(index)), Term(entry_term)) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace flotilla::raftlog
