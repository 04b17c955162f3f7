#include "common/base/check.h"

#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "common/base/status_macros.h"

namespace flotilla {
namespace {

TEST(CheckTest, AFailureNamesPlaceConditionAndMessage) {
  EXPECT_DEATH(CHECK(1 + 1 == 3) << "sum of " << 1,
               "check_test.cc:[0-9]+: .*1 \\+ 1 == 3.*sum of 1");
}

TEST(CheckTest, AFailedComparisonShowsBothSides) {
  EXPECT_DEATH(CHECK_EQ(2, 5), "2 vs 5");
  EXPECT_DEATH(CHECK_LT(7, 5) << "order", "7 vs 5.*order");
}

TEST(CheckTest, CheckOkShowsTheStatus) {
  EXPECT_DEATH(CHECK_OK(absl::DataLossError("disk went away")) << "while syncing",
               "disk went away.*while syncing");
  CHECK_OK(absl::OkStatus());
}

TEST(CheckTest, TheMessageOfACheckThatHoldsIsNotBuilt) {
  int built = 0;
  const auto count = [&built] { return ++built; };
  CHECK(true) << count();
  EXPECT_EQ(built, 0);
}

TEST(CheckTest, ACheckBindsToItsOwnIf) {
  bool reached = false;
  if (false)
    CHECK(true);
  else
    reached = true;
  EXPECT_TRUE(reached);
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError("odd");
  return number / 2;
}

absl::Status Quarter(int number, int& result) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  ASSIGN_OR_RETURN(result, Half(half));
  RETURN_IF_ERROR(absl::OkStatus());
  return absl::OkStatus();
}

TEST(StatusMacrosTest, TheFirstErrorReturns) {
  int result = 0;
  EXPECT_TRUE(Quarter(12, result).ok());
  EXPECT_EQ(result, 3);
  EXPECT_EQ(Quarter(7, result).message(), "odd");
  EXPECT_EQ(Quarter(6, result).message(), "odd");
  EXPECT_EQ(result, 3);
}

}  // namespace
}  // namespace flotilla
