#include "pd/keyspace/keyspace_rules.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/coding.h"

namespace flotilla::pd {
namespace {

TEST(KeyspaceRulesTest, NamesAreLettersDigitsDashesAndUnderscores) {
  EXPECT_TRUE(CheckKeyspaceName("DEFAULT").ok());
  EXPECT_TRUE(CheckKeyspaceName("team-1_raw").ok());
  EXPECT_TRUE(CheckKeyspaceName(std::string(64, 'a')).ok());
  EXPECT_FALSE(CheckKeyspaceName("").ok());
  EXPECT_FALSE(CheckKeyspaceName(std::string(65, 'a')).ok());
  EXPECT_FALSE(CheckKeyspaceName("a b").ok());
  EXPECT_FALSE(CheckKeyspaceName("a/b").ok());
}

TEST(KeyspaceRulesTest, BoundariesEncloseTheKeyspaceAlone) {
  const auto boundaries = KeyspaceBoundaries(KeyspaceId(5));
  ASSERT_EQ(boundaries.size(), 4u);
  EXPECT_TRUE(std::is_sorted(boundaries.begin(), boundaries.end()));
  const std::string own = EncodeMemcomparable(std::string("r\0\0\5", 4) + "key");
  const std::string next = EncodeMemcomparable(std::string("r\0\0\6", 4));
  const std::string before = EncodeMemcomparable(std::string("r\0\0\4", 4) + "\xff\xff");
  EXPECT_LE(boundaries[0], own);
  EXPECT_LT(own, boundaries[1]);
  EXPECT_LT(before, boundaries[0]);
  EXPECT_EQ(next, boundaries[1]);
  EXPECT_EQ(boundaries[2], EncodeMemcomparable(std::string("x\0\0\5", 4)));
}

TEST(KeyspaceRulesTest, NeighboursShareABoundary) {
  EXPECT_EQ(KeyspaceBoundaries(KeyspaceId(255))[1], KeyspaceBoundaries(KeyspaceId(256))[0]);
  EXPECT_EQ(KeyspaceBoundaries(KeyspaceId(0xFFFFFF))[1], EncodeMemcomparable("s"));
}

}  // namespace
}  // namespace flotilla::pd
