#include "common/raftlog/flush_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <utility>

namespace flotilla::raftlog {
namespace {

using Done = absl::AnyInvocable<void() &&>;

bool AlwaysWait() { return true; }

TEST(FlushGateTest, WithoutAPreparationThereIsNothingToWaitFor) {
  FlushGate gate;
  gate.Pass([]() -> bool {
    ADD_FAILURE() << "it waits";
    return false;
  });
}

TEST(FlushGateTest, AFlushWaitsUntilThePreparationIsDone) {
  FlushGate gate;
  std::promise<Done> prepared;
  gate.SetPreparation([&](Done done) { prepared.set_value(std::move(done)); });
  std::atomic<bool> finished = false;
  std::thread flush([&] {
    gate.Pass(AlwaysWait);
    EXPECT_TRUE(finished);
  });
  Done done = prepared.get_future().get();
  finished = true;
  std::move(done)();
  flush.join();
}

TEST(FlushGateTest, ItDoesNotWaitWhenItMayNot) {
  FlushGate gate;
  Done late;
  gate.SetPreparation([&](Done done) { late = std::move(done); });
  int asked = 0;
  gate.Pass([&] { return ++asked < 3; });
  EXPECT_EQ(asked, 3);
  std::move(late)();  // Nobody waits any more.
}

TEST(FlushGateTest, ItDoesNotWaitForEver) {
  FlushGate gate;
  gate.SetPreparation([](Done) {});
  gate.Pass(AlwaysWait);
}

TEST(FlushGateTest, WhoTakesThePreparationBackLetsTheFlushGoOn) {
  FlushGate gate;
  std::promise<void> prepared;
  gate.SetPreparation([&](Done) { prepared.set_value(); });
  std::thread flush([&] { gate.Pass(AlwaysWait); });
  prepared.get_future().get();
  gate.SetPreparation(nullptr);
  flush.join();
}

TEST(FlushGateTest, APreparationThatRunsIsNotTakenBackUnderItsFeet) {
  FlushGate gate;
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<bool> ended = false;
  gate.SetPreparation([&](Done done) {
    begun.set_value();
    go_on.get_future().get();
    ended = true;
    std::move(done)();
  });
  std::thread flush([&] { gate.Pass(AlwaysWait); });
  begun.get_future().get();
  std::thread closer([&] {
    gate.SetPreparation(nullptr);
    EXPECT_TRUE(ended);
  });
  go_on.set_value();
  closer.join();
  flush.join();
}

}  // namespace
}  // namespace flotilla::raftlog
