#include "tests/planted/catalogue.h"

#include <gtest/gtest.h>

#include <set>

namespace flotilla::planted {
namespace {

TEST(CatalogueTest, EveryBugHasARowWithANameOfItsOwn) {
  std::set<std::string_view> names;
  uint8_t expected = 0;
  for (const PlantedBug& bug : Catalogue()) {
    EXPECT_EQ(static_cast<uint8_t>(bug.bug), ++expected) << bug.name;
    EXPECT_TRUE(names.insert(bug.name).second) << bug.name;
    EXPECT_FALSE(bug.what.empty()) << bug.name;
  }
}

// What is no constant does not compile here: no test at run time is left in the product.
TEST(CatalogueTest, BugsAreNoPartOfThisBuild) {
  static_assert(!Planted(Bug::kNone) && !Planted(Bug::kVoteTwice));
  EXPECT_EQ(PlantByName("vote-twice").code(), absl::StatusCode::kFailedPrecondition);
}

TEST(CatalogueTest, AnUnknownNameIsRefused) {
  EXPECT_EQ(PlantByName("vote-thrice").code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace flotilla::planted
