#include "common/rpc/grpc_event_loop.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

#include "tests/common/rpc/loopback.h"

namespace flotilla::rpc {
namespace {

class GrpcEventLoopTest : public ::testing::Test {
 protected:
  void SetUp() override { loop_.Start(); }
  void TearDown() override { loop_.Stop(); }

  env::SystemClock clock_;
  GrpcEventLoop loop_{"test", &clock_};
};

TEST_F(GrpcEventLoopTest, WhatWaitsForAPauseComesAfterWhatIsThere) {
  Box<std::string> order;
  loop_.Post([&] {
    loop_.RunBeforeWaiting([&] { order.Update([](std::string& o) { o += "C"; }); });
    order.Update([](std::string& o) { o += "A"; });
    loop_.Post([&] { order.Update([](std::string& o) { o += "B"; }); });
  });
  EXPECT_TRUE(order.WaitUntil([](const std::string& o) { return o.size() == 3; }));
  EXPECT_EQ(order.Get(), "ABC");
}

TEST_F(GrpcEventLoopTest, WhatWaitsForAPauseIsNotKeptWaitingByALoopThatHasNone) {
  Box<std::optional<int>> rounds_before;
  int rounds = 0;  // Loop thread.
  std::function<void()> again = [&] {
    if (++rounds < 10'000 && !rounds_before.Get().has_value()) loop_.Post([&] { again(); });
  };
  loop_.Post([&] {
    loop_.RunBeforeWaiting([&] { rounds_before.Set(rounds); });
    again();
  });
  ASSERT_TRUE(rounds_before.WaitUntil([](const auto& r) { return r.has_value(); }));
  EXPECT_LT(*rounds_before.Get(), 100);
}

TEST_F(GrpcEventLoopTest, WhatWaitsForAPauseRunsWhenTheLoopStops) {
  Box<bool> ran;
  loop_.Post([&] { loop_.RunBeforeWaiting([ran] { ran.Set(true); }); });
  loop_.Stop();
  EXPECT_TRUE(ran.Get());
}

// A stop does not wait for requests that are left to gather.
TEST_F(GrpcEventLoopTest, ALoopThatLetsRequestsGatherStops) {
  Box<bool> ran;
  loop_.Post([&] {
    loop_.Gather();
    ran.Set(true);
  });
  EXPECT_TRUE(ran.WaitUntil([](bool r) { return r; }));
  loop_.Stop();
}

}  // namespace
}  // namespace flotilla::rpc
