#include "common/multiraft/worker_inbox.h"

#include <gtest/gtest.h>

#include <vector>

namespace flotilla::multiraft {
namespace {

constexpr uint64_t kBytes = 1000;

PeerMessage Request() { return ProposeRequest{RegionId(1), {}}; }
PeerMessage FromNetwork() { return Received{}; }

TEST(WorkerInboxTest, RequestsFeelTheBoundFirstMessagesLaterCompletionsNever) {
  WorkerInbox inbox(2, kBytes);
  EXPECT_TRUE(inbox.TryPushRequest(Request()));
  EXPECT_TRUE(inbox.TryPushRequest(Request()));
  EXPECT_FALSE(inbox.TryPushRequest(Request()));
  EXPECT_TRUE(inbox.TryPushReceived(FromNetwork(), 1));
  EXPECT_TRUE(inbox.TryPushReceived(FromNetwork(), 1));
  EXPECT_FALSE(inbox.TryPushReceived(FromNetwork(), 1));
  inbox.Push(Persisted{});
  std::vector<PeerMessage> taken;
  inbox.TakeAll(taken);
  EXPECT_EQ(taken.size(), 5u);
  EXPECT_TRUE(inbox.TryPushRequest(Request()));
}

TEST(WorkerInboxTest, TheBytesOfMessagesAreBounded) {
  WorkerInbox inbox(100, kBytes);
  EXPECT_TRUE(inbox.TryPushReceived(FromNetwork(), 5000));  // Of any size, alone.
  EXPECT_FALSE(inbox.TryPushReceived(FromNetwork(), 1));
  EXPECT_TRUE(inbox.TryPushRequest(Request()));
  std::vector<PeerMessage> taken;
  inbox.TakeAll(taken);
  EXPECT_TRUE(inbox.TryPushReceived(FromNetwork(), 1));
}

TEST(WorkerInboxTest, ARefusedMessageIsUntouched) {
  WorkerInbox inbox(0, kBytes);
  bool called = false;
  Proposal proposal;
  proposal.callback = [&](const absl::StatusOr<Applied>&) { called = true; };
  PeerMessage message = ProposeRequest{RegionId(1), std::move(proposal)};
  ASSERT_FALSE(inbox.TryPushRequest(std::move(message)));
  std::move(std::get<ProposeRequest>(message).proposal.callback)(absl::CancelledError());
  EXPECT_TRUE(called);
}

TEST(WorkerInboxTest, OneTickWaitsAtMost) {
  WorkerInbox inbox(10, kBytes);
  inbox.PushTick();
  inbox.PushTick();
  std::vector<PeerMessage> taken;
  inbox.TakeAll(taken);
  EXPECT_EQ(taken.size(), 1u);
  taken.clear();
  inbox.PushTick();
  inbox.TakeAll(taken);
  EXPECT_EQ(taken.size(), 1u);
}

}  // namespace
}  // namespace flotilla::multiraft
