#include "common/env/inbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace flotilla::env {
namespace {

class CountingWaker final : public Waker {
 public:
  void Wake() override { ++wakes; }
  std::atomic<int> wakes = 0;
};

TEST(InboxTest, AFullInboxRefusesAndLeavesTheItem) {
  Inbox<std::unique_ptr<int>> inbox(2);
  EXPECT_TRUE(inbox.TryPush(std::make_unique<int>(1)));
  EXPECT_TRUE(inbox.TryPush(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(inbox.TryPush(std::move(third)));
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(*third, 3);
  EXPECT_EQ(inbox.size(), 2u);
}

TEST(InboxTest, CompletionsAreTakenEvenWhenFull) {
  Inbox<int> inbox(1);
  EXPECT_TRUE(inbox.TryPush(1));
  inbox.PushCompletion(2);
  EXPECT_FALSE(inbox.TryPush(3));
  std::vector<int> out;
  inbox.TakeAll(out);
  EXPECT_EQ(out, (std::vector<int>{1, 2}));
}

TEST(InboxTest, TakingMakesRoomAndKeepsTheOrder) {
  Inbox<int> inbox(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(inbox.TryPush(int{i}));
  std::vector<int> out;
  inbox.TakeAll(out);
  EXPECT_EQ(out, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(inbox.size(), 0u);
  EXPECT_TRUE(inbox.TryPush(9));
}

TEST(InboxTest, OnlyTheFirstItemWakes) {
  Inbox<int> inbox(10);
  CountingWaker waker;
  inbox.SetWaker(&waker);
  EXPECT_TRUE(inbox.TryPush(1));
  EXPECT_TRUE(inbox.TryPush(2));
  inbox.PushCompletion(3);
  EXPECT_EQ(waker.wakes, 1);
  std::vector<int> out;
  inbox.TakeAll(out);
  inbox.PushCompletion(4);
  EXPECT_EQ(waker.wakes, 2);
}

TEST(InboxTest, NothingIsLostWithManyPushers) {
  constexpr int kThreads = 4, kEach = 5'000;
  Inbox<int> inbox(kThreads * kEach);
  std::vector<std::thread> pushers;
  for (int t = 0; t < kThreads; ++t) {
    pushers.emplace_back([&inbox, t] {
      for (int i = 0; i < kEach; ++i) CHECK(inbox.TryPush(t * kEach + i));
    });
  }
  std::vector<bool> seen(kThreads * kEach);
  std::vector<int> next(kThreads, 0), out;
  for (int taken = 0; taken < kThreads * kEach;) {
    out.clear();
    inbox.TakeAll(out);
    for (const int item : out) {
      EXPECT_FALSE(seen[item]);
      seen[item] = true;
      // What one pusher pushed comes in its order.
      EXPECT_EQ(item % kEach, next[item / kEach]++);
    }
    taken += static_cast<int>(out.size());
  }
  for (auto& pusher : pushers) pusher.join();
  EXPECT_EQ(inbox.size(), 0u);
}

}  // namespace
}  // namespace flotilla::env
