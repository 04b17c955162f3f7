#include "common/rpc/backoff.h"

#include <gtest/gtest.h>

namespace flotilla::rpc {
namespace {

using std::chrono::milliseconds;

TEST(BackoffTest, DoublesWithEqualJitterUpToItsMaximum) {
  Backoff backoff({milliseconds(10), milliseconds(100)}, env::Random(7));
  for (const int ceiling : {10, 20, 40, 80, 100, 100}) {
    const env::Duration delay = backoff.Next();
    EXPECT_GE(delay, milliseconds(ceiling) / 2);
    EXPECT_LE(delay, milliseconds(ceiling));
  }
  EXPECT_EQ(backoff.attempts(), 6u);
}

TEST(BackoffTest, ResetStartsAnew) {
  Backoff backoff({milliseconds(10), milliseconds(100)}, env::Random(7));
  for (int i = 0; i < 5; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), milliseconds(10));
}

TEST(BackoffTest, SameSeedSameDelays) {
  Backoff a({milliseconds(10), milliseconds(100)}, env::Random(7));
  Backoff b({milliseconds(10), milliseconds(100)}, env::Random(7));
  Backoff c({milliseconds(10), milliseconds(100)}, env::Random(8));
  bool differs = false;
  for (int i = 0; i < 10; ++i) {
    const env::Duration delay = a.Next();
    EXPECT_EQ(delay, b.Next());
    differs |= delay != c.Next();
  }
  EXPECT_TRUE(differs);
}

TEST(BackoffTest, ManyAttemptsDoNotOverflow) {
  Backoff backoff({milliseconds(10), std::chrono::hours(1)}, env::Random(7));
  for (int i = 0; i < 200; ++i) EXPECT_LE(backoff.Next(), std::chrono::hours(1));
}

}  // namespace
}  // namespace flotilla::rpc
