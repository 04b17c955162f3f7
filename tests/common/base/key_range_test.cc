#include "common/base/key_range.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flotilla {
namespace {

// Every range over the borders "", a, b, c; an empty end is the end of the key space.
std::vector<KeyRange> AllRanges() {
  const std::vector<std::string> borders = {"", "a", "b", "c"};
  std::vector<KeyRange> ranges;
  for (const auto& start : borders) {
    for (const auto& end : borders) ranges.push_back({start, end});
  }
  return ranges;
}

// One key in each gap between the borders, and the borders themselves.
const std::vector<std::string> kKeys = {"", "A", "a", "aa", "b", "bb", "c", "cc", "\xff"};

TEST(KeyRangeTest, StartIsInsideAndEndIsNot) {
  const KeyRange range{"a", "c"};
  EXPECT_TRUE(range.Contains("a"));
  EXPECT_TRUE(range.Contains("b\xff"));
  EXPECT_FALSE(range.Contains("c"));
  EXPECT_FALSE(range.Contains("A"));
}

TEST(KeyRangeTest, AnEmptyEndIsTheEndOfTheKeySpace) {
  const KeyRange range{"b", ""};
  EXPECT_TRUE(range.Contains("\xff\xff\xff"));
  EXPECT_FALSE(range.Contains("a"));
  EXPECT_TRUE((KeyRange{}.Contains("")));
}

TEST(KeyRangeTest, IsEmptyWhenNoKeyIsInside) {
  for (const KeyRange& range : AllRanges()) {
    bool any = false;
    for (const auto& key : kKeys) any |= range.Contains(key);
    EXPECT_EQ(range.IsEmpty(), !any) << range.start << ".." << range.end;
  }
}

TEST(KeyRangeTest, OverlapAndContainmentAgreeWithTheKeysInside) {
  for (const KeyRange& a : AllRanges()) {
    for (const KeyRange& b : AllRanges()) {
      if (a.IsEmpty() || b.IsEmpty()) continue;
      bool shared = false, all = true;
      for (const auto& key : kKeys) {
        shared |= a.Contains(key) && b.Contains(key);
        all &= a.Contains(key) || !b.Contains(key);
      }
      const std::string what = a.start + ".." + a.end + " and " + b.start + ".." + b.end;
      EXPECT_EQ(a.Overlaps(b), shared) << what;
      EXPECT_EQ(a.ContainsRange(b), all) << what;
    }
  }
}

}  // namespace
}  // namespace flotilla
