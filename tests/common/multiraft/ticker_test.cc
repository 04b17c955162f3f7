#include "common/multiraft/ticker.h"

#include <gtest/gtest.h>

#include <vector>

namespace flotilla::multiraft {
namespace {

using std::chrono::milliseconds;

class TickerTest : public ::testing::Test {
 protected:
  // Ticks that wait for the worker.
  size_t Ticks(int worker = 0) {
    std::vector<PeerMessage> taken;
    router_.worker(worker).TakeAll(taken);
    return taken.size();
  }

  env::ManualClock clock_;
  Router router_{2, 10, 1000};
  Ticker ticker_{milliseconds(100), &clock_, &router_};
};

TEST_F(TickerTest, TicksEveryWorkerOnceAnInterval) {
  EXPECT_FALSE(ticker_.RunOnce());
  EXPECT_EQ(Ticks(), 0u) << "the first interval has to pass first";
  ASSERT_TRUE(ticker_.next_deadline().has_value());
  EXPECT_EQ(*ticker_.next_deadline(), clock_.Now() + milliseconds(100));
  clock_.Advance(milliseconds(99));
  ticker_.RunOnce();
  EXPECT_EQ(Ticks(), 0u);
  clock_.Advance(milliseconds(1));
  ticker_.RunOnce();
  EXPECT_EQ(Ticks(0), 1u);
  EXPECT_EQ(Ticks(1), 1u);
}

// A follower that counted time faster than it goes would break its leader's lease.
TEST_F(TickerTest, MakesUpForNothingAfterAPause) {
  ticker_.RunOnce();
  clock_.Advance(milliseconds(5000));
  ticker_.RunOnce();
  EXPECT_EQ(Ticks(), 1u);
  ticker_.RunOnce();
  EXPECT_EQ(Ticks(), 0u);
  clock_.Advance(milliseconds(99));
  ticker_.RunOnce();
  EXPECT_EQ(Ticks(), 0u) << "two ticks are an interval apart";
  clock_.Advance(milliseconds(1));
  ticker_.RunOnce();
  EXPECT_EQ(Ticks(), 1u);
}

}  // namespace
}  // namespace flotilla::multiraft
