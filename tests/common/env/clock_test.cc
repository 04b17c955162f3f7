#include "common/env/clock.h"

#include <gtest/gtest.h>

namespace flotilla::env {
namespace {

using namespace std::chrono_literals;

TEST(ClockTest, TheManualClockStandsStillUntilMoved) {
  ManualClock clock;
  const Instant start = clock.Now();
  const int64_t wall = clock.WallMillis();
  EXPECT_EQ(clock.Now(), start);
  clock.Advance(1500ms);
  EXPECT_EQ(clock.Now() - start, 1500ms);
  EXPECT_EQ(clock.WallMillis() - wall, 1500);
}

TEST(ClockTest, AJumpOfTheWallClockDoesNotMoveTheMonotonicOne) {
  ManualClock clock;
  const Instant start = clock.Now();
  clock.SetWallMillis(5);
  EXPECT_EQ(clock.WallMillis(), 5);
  EXPECT_EQ(clock.Now(), start);
}

TEST(ClockTest, TheSystemClockDoesNotGoBack) {
  SystemClock clock;
  Instant last = clock.Now();
  for (int i = 0; i < 1000; ++i) {
    const Instant now = clock.Now();
    ASSERT_GE(now, last);
    last = now;
  }
  // 2020-01-01: the wall clock counts from the Unix epoch, in milliseconds.
  EXPECT_GT(clock.WallMillis(), 1'577'836'800'000);
}

}  // namespace
}  // namespace flotilla::env
