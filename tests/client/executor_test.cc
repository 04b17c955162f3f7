#include "client/executor.h"

#include <gtest/gtest.h>

#include <string>

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;

class ExecutorTest : public ::testing::Test {
 protected:
  Executor::Task Note(std::string what) {
    return [this, what] { done_ += what; };
  }
  env::ManualClock clock_;
  Executor executor_{&clock_};
  std::string done_;
};

TEST_F(ExecutorTest, RunsWhatIsDueInOrder) {
  executor_.PostAfter(milliseconds(20), Note("c"));
  executor_.PostAfter(milliseconds(10), Note("b"));
  executor_.Post(Note("a"));
  EXPECT_TRUE(executor_.RunOnce());
  EXPECT_EQ(done_, "a");
  EXPECT_FALSE(executor_.RunOnce());
  EXPECT_EQ(executor_.next_deadline(), clock_.Now() + milliseconds(10));
  clock_.Advance(milliseconds(20));
  EXPECT_TRUE(executor_.RunOnce());
  EXPECT_EQ(done_, "abc");
  EXPECT_EQ(executor_.next_deadline(), std::nullopt);
}

TEST_F(ExecutorTest, EqualTimesKeepTheOrderOfPosting) {
  for (const char* name : {"1", "2", "3", "4", "5"})
    executor_.PostAfter(milliseconds(1), Note(name));
  clock_.Advance(milliseconds(1));
  executor_.RunOnce();
  EXPECT_EQ(done_, "12345");
}

TEST_F(ExecutorTest, ATaskMayPost) {
  executor_.Post([this] { executor_.Post(Note("later")); });
  EXPECT_TRUE(executor_.RunOnce());
  EXPECT_EQ(done_, "");
  EXPECT_TRUE(executor_.RunOnce());
  EXPECT_EQ(done_, "later");
}

TEST_F(ExecutorTest, ExpireAllMakesEverythingDue) {
  executor_.PostAfter(std::chrono::hours(1), Note("x"));
  EXPECT_FALSE(executor_.RunOnce());
  executor_.ExpireAll();
  EXPECT_TRUE(executor_.RunOnce());
  EXPECT_EQ(done_, "x");
}

}  // namespace
}  // namespace flotilla::client
