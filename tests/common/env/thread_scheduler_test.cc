#include "common/env/thread_scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "common/env/inbox.h"

namespace flotilla::env {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;

// Adds up what it is sent and fulfils `done` at `goal`.
class Adder final : public Stage {
 public:
  explicit Adder(int goal) : goal_(goal) {}
  std::string_view name() const override { return "adder"; }
  bool RunOnce() override {
    taken_.clear();
    inbox.TakeAll(taken_);
    for (const int number : taken_) sum_ += number;
    if (sum_ >= goal_ && !met_) {
      met_ = true;
      done.set_value(std::this_thread::get_id());
    }
    return !taken_.empty();
  }

  Inbox<int> inbox{1'000'000};
  std::promise<std::thread::id> done;

 private:
  const int goal_;
  int sum_ = 0;
  bool met_ = false;
  std::vector<int> taken_;
};

TEST(ThreadSchedulerTest, AStageIsWokenByWhatIsPushed) {
  SystemClock clock;
  Adder stage(3);
  ThreadScheduler scheduler(&clock);
  stage.inbox.SetWaker(scheduler.Add(&stage));
  scheduler.Start();
  auto done = stage.done.get_future();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(stage.inbox.TryPush(1));
  ASSERT_EQ(done.wait_for(kPatience), std::future_status::ready);
  EXPECT_NE(done.get(), std::this_thread::get_id());
  scheduler.Stop();
}

TEST(ThreadSchedulerTest, NoWakeUpIsLostWhileTheStageRuns) {
  constexpr int kThreads = 3, kEach = 20'000;
  SystemClock clock;
  Adder stage(kThreads * kEach);
  ThreadScheduler scheduler(&clock);
  stage.inbox.SetWaker(scheduler.Add(&stage));
  scheduler.Start();
  std::vector<std::thread> pushers;
  for (int t = 0; t < kThreads; ++t) {
    pushers.emplace_back([&stage] {
      for (int i = 0; i < kEach; ++i) stage.inbox.PushCompletion(1);
    });
  }
  for (auto& pusher : pushers) pusher.join();
  EXPECT_EQ(stage.done.get_future().wait_for(kPatience), std::future_status::ready);
}

// Runs once a deadline; nobody wakes it.
class Beater final : public Stage {
 public:
  explicit Beater(const Clock* clock) : clock_(clock), next_(clock->Now() + 1ms) {}
  std::string_view name() const override { return "a-name-of-more-than-15"; }
  bool RunOnce() override {
    if (clock_->Now() < next_) return false;
    next_ = clock_->Now() + 1ms;
    if (++beats_ == 5) done.set_value();
    return false;
  }
  std::optional<Instant> next_deadline() const override { return next_; }

  std::promise<void> done;

 private:
  const Clock* const clock_;
  Instant next_;
  int beats_ = 0;
};

TEST(ThreadSchedulerTest, AStageRunsAtItsDeadline) {
  SystemClock clock;
  Beater stage(&clock);
  ThreadScheduler scheduler(&clock);
  scheduler.Add(&stage);
  scheduler.Start();
  EXPECT_EQ(stage.done.get_future().wait_for(kPatience), std::future_status::ready);
}

// Always has more to do.
class Busy final : public Stage {
 public:
  std::string_view name() const override { return "busy"; }
  bool RunOnce() override {
    if (++runs == 100) hundred.set_value();
    return true;
  }
  std::atomic<int64_t> runs = 0;
  std::promise<void> hundred;
};

TEST(ThreadSchedulerTest, StopEndsABusyStageAndIsIdempotent) {
  SystemClock clock;
  Busy stage;
  ThreadScheduler scheduler(&clock);
  scheduler.Add(&stage);
  scheduler.Start();
  ASSERT_EQ(stage.hundred.get_future().wait_for(kPatience), std::future_status::ready);
  scheduler.Stop();
  const int64_t runs = stage.runs;
  scheduler.Stop();
  EXPECT_EQ(stage.runs, runs);
}

TEST(ThreadSchedulerTest, StagesThatWereNeverStartedAreStopped) {
  SystemClock clock;
  Busy stage;
  ThreadScheduler scheduler(&clock);
  scheduler.Add(&stage);
  scheduler.Stop();
  EXPECT_EQ(stage.runs, 0);
}

TEST(ThreadSchedulerTest, AddingAfterStartIsAProgrammersError) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  SystemClock clock;
  Busy stage;
  EXPECT_DEATH(
      {
        ThreadScheduler scheduler(&clock);
        scheduler.Start();
        scheduler.Add(&stage);
      },
      "busy added after Start");
}

}  // namespace
}  // namespace flotilla::env
