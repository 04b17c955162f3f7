#include "common/multiraft/lease_keeper.h"

#include <gtest/gtest.h>

namespace flotilla::multiraft {
namespace {

constexpr env::Duration kLength = std::chrono::milliseconds(900);

env::Instant At(int milliseconds) { return env::Instant(std::chrono::milliseconds(milliseconds)); }

class LeaseKeeperTest : public ::testing::Test {
 protected:
  std::shared_ptr<LeaderLease> lease_ = std::make_shared<LeaderLease>();
  LeaseKeeper keeper_{lease_, kLength};
};

TEST_F(LeaseKeeperTest, CountsFromTheBeginningOfTheAnsweredRound) {
  keeper_.OnLeader(Term(3));
  keeper_.OnRoundBegun(1, At(100));
  keeper_.OnRoundBegun(2, At(400));
  EXPECT_FALSE(lease_->ValidAt(At(100)));
  keeper_.OnQuorum(1);
  EXPECT_TRUE(lease_->ValidAt(At(999)));
  EXPECT_FALSE(lease_->ValidAt(At(1000)));
  EXPECT_EQ(lease_->term(), Term(3));
  keeper_.OnQuorum(2);
  EXPECT_TRUE(lease_->ValidAt(At(1299)));
  EXPECT_FALSE(lease_->ValidAt(At(1300)));
}

TEST_F(LeaseKeeperTest, ARoundThatWasNotNotedCountsAsTheOneBeforeIt) {
  keeper_.OnLeader(Term(3));
  keeper_.OnRoundBegun(1, At(100));
  keeper_.OnRoundBegun(4, At(800));
  keeper_.OnQuorum(3);
  EXPECT_TRUE(lease_->ValidAt(At(999)));
  EXPECT_FALSE(lease_->ValidAt(At(1000)));
}

TEST_F(LeaseKeeperTest, NotingARoundTwiceDoesNotMakeItYounger) {
  keeper_.OnLeader(Term(3));
  keeper_.OnRoundBegun(1, At(100));
  keeper_.OnRoundBegun(1, At(700));
  keeper_.OnQuorum(1);
  EXPECT_FALSE(lease_->ValidAt(At(1000)));
}

TEST_F(LeaseKeeperTest, AnotherTermStartsWithoutLeaseAndRounds) {
  keeper_.OnLeader(Term(3));
  keeper_.OnRoundBegun(1, At(100));
  keeper_.OnQuorum(1);
  keeper_.OnRoundBegun(2, At(200));
  keeper_.OnLeader(Term(5));
  EXPECT_FALSE(lease_->ValidAt(At(200)));
  keeper_.OnQuorum(2);
  EXPECT_FALSE(lease_->ValidAt(At(200)));
  keeper_.OnRoundBegun(1, At(300));
  keeper_.OnQuorum(1);
  EXPECT_TRUE(lease_->ValidAt(At(300)));
}

TEST_F(LeaseKeeperTest, StepsDownAtOnce) {
  keeper_.OnLeader(Term(3));
  keeper_.OnRoundBegun(1, At(100));
  keeper_.OnQuorum(1);
  keeper_.OnNotLeader();
  EXPECT_FALSE(lease_->ValidAt(At(101)));
}

TEST_F(LeaseKeeperTest, ATransferEndsTheLeaseForTheRestOfTheTerm) {
  keeper_.OnLeader(Term(3));
  keeper_.OnRoundBegun(1, At(100));
  keeper_.OnQuorum(1);
  keeper_.OnTransferBegun();
  EXPECT_FALSE(lease_->ValidAt(At(101)));
  keeper_.OnRoundBegun(2, At(5000));
  keeper_.OnQuorum(2);
  EXPECT_FALSE(lease_->ValidAt(At(5001)));
  keeper_.OnLeader(Term(4));
  keeper_.OnRoundBegun(1, At(6000));
  keeper_.OnQuorum(1);
  EXPECT_TRUE(lease_->ValidAt(At(6001)));
}

TEST_F(LeaseKeeperTest, RoundsThatNobodyAnswersAreBounded) {
  keeper_.OnLeader(Term(3));
  for (uint64_t round = 1; round <= 1000; ++round) keeper_.OnRoundBegun(round, At(100 + round));
  EXPECT_LE(keeper_.pending_rounds(), 64u);
  keeper_.OnQuorum(1000);
  // Only ever shorter than it could be.
  EXPECT_FALSE(lease_->ValidAt(At(100 + 1000) + kLength));
  EXPECT_TRUE(lease_->ValidAt(At(100)));
}

TEST_F(LeaseKeeperTest, IsOverWhenThePeerIsGone) {
  {
    LeaseKeeper keeper(lease_, kLength);
    keeper.OnLeader(Term(3));
    keeper.OnRoundBegun(1, At(100));
    keeper.OnQuorum(1);
    EXPECT_TRUE(lease_->ValidAt(At(101)));
  }
  EXPECT_FALSE(lease_->ValidAt(At(101)));
}

}  // namespace
}  // namespace flotilla::multiraft
