#include "common/rpc/stall_watch.h"

#include <gtest/gtest.h>

namespace flotilla::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class StallWatchTest : public ::testing::Test {
 protected:
  void Open() {
    watch_.OnOpening(now_);
    watch_.OnUp();
  }

  env::Instant now_{seconds(1000)};
  StallWatch watch_{StallWatchOptions{}};
};

TEST_F(StallWatchTest, AnIdleStreamOwesNothing) {
  Open();
  EXPECT_FALSE(watch_.is_watching());
  now_ += seconds(3600);
  EXPECT_FALSE(watch_.ShouldAsk(now_));
  EXPECT_FALSE(watch_.GivesUp(now_));
}

TEST_F(StallWatchTest, AsksAtOnceAndThenOnceASecond) {
  Open();
  EXPECT_TRUE(watch_.OnSend(now_));
  watch_.OnAcknowledged(now_ + milliseconds(1));
  EXPECT_FALSE(watch_.is_watching());
  EXPECT_FALSE(watch_.OnSend(now_ + milliseconds(500)));
  EXPECT_FALSE(watch_.ShouldAsk(now_ + milliseconds(999)));
  EXPECT_TRUE(watch_.ShouldAsk(now_ + seconds(1))) << "though nothing else is sent";
  EXPECT_TRUE(watch_.OnSend(now_ + seconds(1)));
  EXPECT_FALSE(watch_.ShouldAsk(now_ + seconds(2))) << "one question at a time";
}

TEST_F(StallWatchTest, GivesUpWhatIsNotAcknowledgedInTime) {
  Open();
  ASSERT_TRUE(watch_.OnSend(now_));
  // More messages do not put it off.
  for (int i = 0; i < 9; ++i) {
    now_ += seconds(1);
    EXPECT_FALSE(watch_.OnSend(now_));
    EXPECT_FALSE(watch_.GivesUp(now_));
  }
  now_ += seconds(1);
  EXPECT_TRUE(watch_.GivesUp(now_));
  EXPECT_FALSE(watch_.GivesUp(now_ + seconds(60))) << "once a stream";
}

TEST_F(StallWatchTest, WhatWasSentBehindAnAcknowledgedQuestionIsOwedToo) {
  Open();
  ASSERT_TRUE(watch_.OnSend(now_));
  ASSERT_FALSE(watch_.OnSend(now_ + milliseconds(10)));
  watch_.OnAcknowledged(now_ + milliseconds(20));
  EXPECT_TRUE(watch_.is_watching());
  // The question cannot even be sent: the stream takes no message.
  EXPECT_FALSE(watch_.GivesUp(now_ + seconds(10)));
  EXPECT_TRUE(watch_.GivesUp(now_ + seconds(11)));
}

TEST_F(StallWatchTest, WhatIsAnsweredUnaskedIsOwedFromTheFirstThatWasSent) {
  Open();
  watch_.OnOwed(now_);
  watch_.OnOwed(now_ + seconds(9));
  EXPECT_FALSE(watch_.ShouldAsk(now_ + seconds(9)));
  EXPECT_FALSE(watch_.GivesUp(now_ + seconds(10) - milliseconds(1)));
  watch_.OnAcknowledged(now_ + seconds(10));
  EXPECT_FALSE(watch_.is_watching());
  watch_.OnOwed(now_ + seconds(12));
  EXPECT_FALSE(watch_.GivesUp(now_ + seconds(22) - milliseconds(1)));
  EXPECT_TRUE(watch_.GivesUp(now_ + seconds(22)));
}

TEST_F(StallWatchTest, AStreamThatDoesNotOpenIsGivenUp) {
  watch_.OnOpening(now_);
  EXPECT_FALSE(watch_.GivesUp(now_ + seconds(9)));
  EXPECT_TRUE(watch_.GivesUp(now_ + seconds(10)));
}

TEST_F(StallWatchTest, StreamsWithoutAWordHaveLongerUntilOneIsAcknowledged) {
  for (const int allowed : {10, 20, 40, 80, 80}) {
    Open();
    ASSERT_TRUE(watch_.OnSend(now_));
    EXPECT_FALSE(watch_.GivesUp(now_ + seconds(allowed) - milliseconds(1)));
    now_ += seconds(allowed);
    EXPECT_TRUE(watch_.GivesUp(now_)) << allowed;
    watch_.OnDown();
  }
  Open();
  ASSERT_TRUE(watch_.OnSend(now_));
  watch_.OnAcknowledged(now_ + seconds(70));
  EXPECT_EQ(watch_.timeout(), seconds(10));
}

TEST_F(StallWatchTest, NothingIsOwedOfAStreamThatEnded) {
  Open();
  ASSERT_TRUE(watch_.OnSend(now_));
  watch_.OnDown();
  EXPECT_FALSE(watch_.GivesUp(now_ + seconds(60)));
  Open();
  EXPECT_TRUE(watch_.OnSend(now_)) << "a new stream asks with its first message";
}

}  // namespace
}  // namespace flotilla::rpc
