#include "common/multiraft/read_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace flotilla::multiraft {
namespace {

class ReadQueueTest : public ::testing::Test {
 protected:
  void Add(const std::string& name, env::Instant deadline = env::Instant::max()) {
    queue_.Add({.deadline = deadline, .callback = [this, name](absl::Status status) {
                  EXPECT_FALSE(outcomes_.contains(name)) << name;
                  outcomes_[name] = status;
                }});
  }
  bool Served(const std::string& name) { return outcomes_.contains(name) && outcomes_[name].ok(); }

  ReadQueue queue_{3};
  std::map<std::string, absl::Status> outcomes_;
};

TEST_F(ReadQueueTest, AllThatWaitShareARound) {
  Add("a");
  Add("b");
  EXPECT_TRUE(queue_.WantsRound());
  queue_.BeginRound(raft::ReadId(1));
  EXPECT_FALSE(queue_.WantsRound());
  Add("c");  // Comes after the round began: must not use its index.
  queue_.OnIndex(raft::ReadId(1), Index(10));
  queue_.Serve(Index(9), env::Instant());
  EXPECT_TRUE(outcomes_.empty());
  queue_.Serve(Index(10), env::Instant());
  EXPECT_TRUE(Served("a"));
  EXPECT_TRUE(Served("b"));
  EXPECT_FALSE(outcomes_.contains("c"));
  EXPECT_TRUE(queue_.WantsRound());
}

TEST_F(ReadQueueTest, RoundsUnderWayAreBounded) {
  for (size_t i = 0; i < ReadQueue::kMaxRounds; ++i) {
    Add("r" + std::to_string(i));
    ASSERT_TRUE(queue_.WantsRound());
    queue_.BeginRound(raft::ReadId(i + 1));
  }
  Add("next");
  EXPECT_FALSE(queue_.WantsRound());
  queue_.OnIndex(raft::ReadId(2), Index(1));
  EXPECT_TRUE(queue_.WantsRound());
}

TEST_F(ReadQueueTest, ADroppedRoundIsAskedOnceMore) {
  Add("a");
  queue_.BeginRound(raft::ReadId(1));
  queue_.OnDropped(raft::ReadId(1), absl::FailedPreconditionError("not leader"));
  EXPECT_TRUE(outcomes_.empty());
  ASSERT_TRUE(queue_.WantsRound());
  queue_.BeginRound(raft::ReadId(2));
  queue_.OnDropped(raft::ReadId(2), absl::FailedPreconditionError("not leader"));
  EXPECT_TRUE(absl::IsFailedPrecondition(outcomes_["a"]));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(ReadQueueTest, ALostRoundIsAskedAgainAndItsLateAnswerIgnored) {
  Add("a");
  queue_.BeginRound(raft::ReadId(1));
  for (int i = 0; i < 3; ++i) queue_.Tick(env::Instant{});
  EXPECT_FALSE(queue_.WantsRound());
  queue_.Tick(env::Instant{});
  ASSERT_TRUE(queue_.WantsRound());
  queue_.BeginRound(raft::ReadId(2));
  queue_.OnIndex(raft::ReadId(1), Index(5));
  queue_.Serve(Index(100), env::Instant());
  EXPECT_TRUE(outcomes_.empty());
  queue_.OnIndex(raft::ReadId(2), Index(7));
  queue_.Serve(Index(7), env::Instant());
  EXPECT_TRUE(Served("a"));
}

TEST_F(ReadQueueTest, ADeadlineEndsAReadWhereverItWaits) {
  const env::Instant now{std::chrono::seconds(1)};
  Add("indexed", now);
  queue_.BeginRound(raft::ReadId(1));
  queue_.OnIndex(raft::ReadId(1), Index(5));
  Add("asked", now);
  queue_.BeginRound(raft::ReadId(2));
  Add("waiting", now);
  Add("patient");
  queue_.Tick(now);
  for (const char* name : {"indexed", "asked", "waiting"}) {
    EXPECT_TRUE(absl::IsDeadlineExceeded(outcomes_[name])) << name;
  }
  EXPECT_FALSE(outcomes_.contains("patient"));
  EXPECT_EQ(queue_.size(), 1u);
  queue_.FailAll(absl::NotFoundError("gone"));
  EXPECT_TRUE(absl::IsNotFound(outcomes_["patient"]));
}

TEST_F(ReadQueueTest, AReadWhoseDeadlinePassedIsNotServed) {
  const env::Instant deadline = env::Instant() + std::chrono::seconds(1);
  Add("late", deadline);
  Add("in time", deadline + std::chrono::seconds(1));
  queue_.BeginRound(raft::ReadId(1));
  queue_.OnIndex(raft::ReadId(1), Index(5));
  queue_.Serve(Index(5), deadline);
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcomes_["late"]));
  EXPECT_TRUE(Served("in time"));
}

TEST_F(ReadQueueTest, IndexesMayComeOutOfOrder) {
  Add("a");
  queue_.BeginRound(raft::ReadId(1));
  Add("b");
  queue_.BeginRound(raft::ReadId(2));
  queue_.OnIndex(raft::ReadId(2), Index(3));
  queue_.OnIndex(raft::ReadId(1), Index(9));
  queue_.Serve(Index(3), env::Instant());
  EXPECT_TRUE(Served("b"));
  EXPECT_FALSE(outcomes_.contains("a"));
}

}  // namespace
}  // namespace flotilla::multiraft
