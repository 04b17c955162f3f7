#include "common/base/strong_int.h"

#include <gtest/gtest.h>

#include <concepts>
#include <sstream>
#include <string>
#include <type_traits>

#include "absl/container/flat_hash_set.h"
#include "common/base/ids.h"

namespace flotilla {
namespace {

template <typename A, typename B>
concept Addable = requires(A a, B b) {
  a + b;
};
template <typename A, typename B>
concept Comparable = requires(A a, B b) {
  a < b;
};

static_assert(!Addable<Term, Index>);
static_assert(!Addable<Index, Index>);
static_assert(!Comparable<Term, Index>);
static_assert(!std::is_convertible_v<uint64_t, Term>);
static_assert(!std::is_convertible_v<Term, uint64_t>);
static_assert(sizeof(KeyspaceId) == sizeof(uint32_t));

TEST(StrongIntTest, ZeroIsTheDefault) { EXPECT_EQ(Index(), Index(0)); }

TEST(StrongIntTest, ArithmeticKeepsTheKind) {
  Index index(5);
  static_assert(std::same_as<decltype(index + 1), Index>);
  static_assert(std::same_as<decltype(index - index), uint64_t>);
  EXPECT_EQ(index + 2, Index(7));
  EXPECT_EQ(index - 2, Index(3));
  EXPECT_EQ(Index(9) - index, 4u);
  EXPECT_EQ(++index, Index(6));
  EXPECT_EQ(--index, Index(5));
  index += 10;
  index -= 1;
  EXPECT_EQ(index.value(), 14u);
}

TEST(StrongIntTest, OrderIsThatOfTheNumbers) {
  EXPECT_LT(Term(1), Term(2));
  EXPECT_GE(Term(2), Term(2));
  EXPECT_NE(Term(1), Term(2));
}

TEST(StrongIntTest, PrintsHashesAndFormats) {
  std::ostringstream out;
  out << RegionId(42);
  EXPECT_EQ(out.str(), "42");
  EXPECT_EQ(fmt::format("{} {:04}", StoreId(7), KeyspaceId(3)), "7 0003");
  absl::flat_hash_set<RegionId> set = {RegionId(1), RegionId(2), RegionId(1)};
  EXPECT_EQ(set.size(), 2u);
}

}  // namespace
}  // namespace flotilla
