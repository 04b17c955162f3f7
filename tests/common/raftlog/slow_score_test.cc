#include "common/raftlog/slow_score.h"

#include <gtest/gtest.h>

namespace flotilla::raftlog {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SlowScoreTest : public ::testing::Test {
 protected:
  void Write(env::Duration time) {
    score_.OnBegin(clock_.Now());
    clock_.Advance(time);
    score_.OnEnd(clock_.Now());
  }
  double Score() { return score_.At(clock_.Now()); }

  env::ManualClock clock_;
  SlowScore score_{clock_.Now()};
};

TEST_F(SlowScoreTest, FastWritesAndNoneAtAllAreWell) {
  for (int i = 0; i < 1000; ++i) Write(milliseconds(10));
  EXPECT_EQ(Score(), 1);
  clock_.Advance(std::chrono::hours(1));
  EXPECT_EQ(Score(), 1);
}

TEST_F(SlowScoreTest, SlowWritesDoubleItEachSecondUpToTheWorst) {
  Write(milliseconds(990));
  clock_.Advance(milliseconds(10));
  EXPECT_EQ(Score(), 2);
  Write(milliseconds(990));
  clock_.Advance(milliseconds(10));
  EXPECT_EQ(Score(), 4);
  for (int i = 0; i < 10; ++i) Write(seconds(1));
  EXPECT_EQ(Score(), 100);
}

TEST_F(SlowScoreTest, AFewSlowWritesAmongManyCountByTheirPart) {
  for (int i = 0; i < 19; ++i) Write(milliseconds(1));
  Write(milliseconds(900));
  clock_.Advance(milliseconds(100));
  EXPECT_DOUBLE_EQ(Score(), 1.5) << "a twentieth";
}

TEST_F(SlowScoreTest, AWriteThatDoesNotComeBackCounts) {
  score_.OnBegin(clock_.Now());
  clock_.Advance(milliseconds(400));
  EXPECT_EQ(Score(), 1);
  clock_.Advance(milliseconds(2600));
  EXPECT_EQ(Score(), 8) << "three seconds ended with it";
  clock_.Advance(seconds(30));
  EXPECT_EQ(Score(), 100);
}

TEST_F(SlowScoreTest, ItRecoversInFiveMinutes) {
  Write(seconds(20));
  ASSERT_EQ(Score(), 100);
  clock_.Advance(seconds(150));
  EXPECT_GT(Score(), 40);
  EXPECT_LT(Score(), 60);
  clock_.Advance(seconds(152));
  EXPECT_EQ(Score(), 1);
}

}  // namespace
}  // namespace flotilla::raftlog
