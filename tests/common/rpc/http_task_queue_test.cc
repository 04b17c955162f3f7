#include "common/rpc/http_task_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/common/rpc/loopback.h"

namespace flotilla::rpc {
namespace {

TEST(HttpTaskQueueTest, WhoeverBringsTooManyWaits) {
  HttpTaskQueue queue(/*threads=*/1, /*max_waiting=*/2);
  Box<bool> may_go_on;
  Box<int> begun;
  Box<int> brought;
  const auto task = [&] {
    begun.Update([](int& n) { ++n; });
    EXPECT_TRUE(may_go_on.WaitUntil([](bool may) { return may; }));
  };
  queue.enqueue(task);
  ASSERT_TRUE(begun.WaitUntil([](int n) { return n == 1; }));
  std::thread bringer([&] {
    for (int i = 0; i < 10; ++i) {
      queue.enqueue(task);
      brought.Update([](int& n) { ++n; });
    }
  });
  ASSERT_TRUE(brought.WaitUntil([](int n) { return n == 2; }));
  EXPECT_EQ(begun.Get(), 1);
  EXPECT_EQ(brought.Get(), 2) << "one runs, two wait, and the next is not taken";
  may_go_on.Set(true);
  bringer.join();
  queue.shutdown();
  EXPECT_EQ(begun.Get(), 11) << "none was dropped";
}

}  // namespace
}  // namespace flotilla::rpc
