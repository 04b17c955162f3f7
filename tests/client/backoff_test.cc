#include "client/backoff.h"

#include <gtest/gtest.h>

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(BackoffTest, EachWaitIsBetweenHalfAndWholeOfTheCurve) {
  for (int k = 1; k < static_cast<int>(BackoffKind::kCount); ++k) {
    const BackoffCurve curve = CurveOf(static_cast<BackoffKind>(k));
    BackoffJitter jitter{env::Random(static_cast<uint64_t>(k))};
    env::Duration whole = curve.base;
    for (int attempt = 0; attempt < 30; ++attempt) {
      const env::Duration wait = jitter.Draw(curve, attempt);
      EXPECT_GE(wait, whole / 2);
      EXPECT_LE(wait, whole);
      whole = std::min<env::Duration>(whole * 2, curve.cap);
    }
    EXPECT_EQ(whole, env::Duration(curve.cap));
  }
}

TEST(BackoffTest, ClientsThatFailedTogetherPart) {
  BackoffJitter one{env::Random(1)};
  BackoffJitter other{env::Random(2)};
  const BackoffCurve curve = CurveOf(BackoffKind::kStoreUnavailable);
  EXPECT_NE(one.Draw(curve, 5), other.Draw(curve, 5));
}

TEST(RetryBudgetTest, ImmediateRetriesBecomeSlowWhenTheyDoNotHelp) {
  BackoffJitter jitter{env::Random(1)};
  RetryBudget budget(env::Instant() + seconds(60), seconds(60));
  int free = 0;
  while (budget.Next(BackoffKind::kNone, jitter, env::Instant()) == env::Duration::zero()) ++free;
  EXPECT_EQ(free, 4);
  EXPECT_GT(*budget.Next(BackoffKind::kNone, jitter, env::Instant()), env::Duration::zero());
}

TEST(RetryBudgetTest, KindsGrowEachOnItsOwn) {
  BackoffJitter jitter{env::Random(1)};
  RetryBudget budget(env::Instant() + seconds(600), seconds(600));
  for (int i = 0; i < 12; ++i) budget.Next(BackoffKind::kRegionMiss, jitter, env::Instant());
  EXPECT_LE(*budget.Next(BackoffKind::kNoLeader, jitter, env::Instant()), milliseconds(2));
}

TEST(RetryBudgetTest, TheSumOfTheWaitsIsBounded) {
  BackoffJitter jitter{env::Random(1)};
  RetryBudget budget(env::Instant() + seconds(600), seconds(3));
  env::Duration sum{};
  while (const auto wait = budget.Next(BackoffKind::kStoreUnavailable, jitter, env::Instant())) {
    sum += *wait;
  }
  EXPECT_LE(sum, seconds(3));
  EXPECT_GT(sum, seconds(2));
  EXPECT_TRUE(budget.waits_used_up());
}

TEST(RetryBudgetTest, NoWaitCrossesTheDeadline) {
  BackoffJitter jitter{env::Random(1)};
  RetryBudget budget(env::Instant() + milliseconds(50), seconds(3));
  EXPECT_EQ(budget.Next(BackoffKind::kServerBusy, jitter, env::Instant()), std::nullopt);
  EXPECT_FALSE(budget.waits_used_up());
  EXPECT_EQ(budget.Next(BackoffKind::kNone, jitter, env::Instant() + milliseconds(50)),
            std::nullopt);
}

TEST(RetryBudgetTest, TheServersWishIsRespected) {
  BackoffJitter jitter{env::Random(1)};
  RetryBudget budget(env::Instant() + seconds(60), seconds(60));
  EXPECT_GE(*budget.Next(BackoffKind::kServerBusy, jitter, env::Instant(), seconds(7)), seconds(7));
}

}  // namespace
}  // namespace flotilla::client
