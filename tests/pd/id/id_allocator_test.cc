#include "pd/id/id_allocator.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace flotilla::pd {
namespace {

// Reserves as the replicated counter would, when told.
class IdAllocatorTest : public testing::Test {
 protected:
  std::unique_ptr<IdAllocator> NewLeader() {
    return std::make_unique<IdAllocator>([this](uint64_t count, IdAllocator::Callback done) {
      pending_.push_back({count, std::move(done)});
    });
  }

  void Complete(const absl::Status& status = absl::OkStatus()) {
    while (!pending_.empty()) {
      auto pending = std::exchange(pending_, {});
      for (auto& [count, done] : pending) {
        if (!status.ok()) {
          std::move(done)(status);
          continue;
        }
        const uint64_t first = next_;
        next_ += count;
        ++reservations_;
        std::move(done)(first);
      }
    }
  }

  absl::StatusOr<uint64_t> Take(IdAllocator& ids, uint32_t count = 1) {
    absl::StatusOr<uint64_t> result = absl::UnknownError("never answered");
    ids.Allocate(count, [&](absl::StatusOr<uint64_t> r) { result = std::move(r); });
    Complete();
    return result;
  }

  uint64_t next_ = 1;
  int reservations_ = 0;
  std::vector<std::pair<uint64_t, IdAllocator::Callback>> pending_;
};

TEST_F(IdAllocatorTest, IdsAreConsecutiveAndReservedInRuns) {
  auto ids = NewLeader();
  EXPECT_EQ(*Take(*ids), 1u);
  EXPECT_EQ(*Take(*ids, 10), 2u);
  EXPECT_EQ(*Take(*ids), 12u);
  EXPECT_EQ(reservations_, 1);
}

TEST_F(IdAllocatorTest, RunThatIsUsedUpIsContinued) {
  auto ids = NewLeader();
  EXPECT_EQ(*Take(*ids, 999), 1u);
  EXPECT_EQ(*Take(*ids, 5), 1000u);
  EXPECT_EQ(reservations_, 2);
}

TEST_F(IdAllocatorTest, NextLeaderNeverRepeats) {
  auto old_leader = NewLeader();
  const uint64_t last = *Take(*old_leader);
  auto new_leader = NewLeader();
  EXPECT_GT(*Take(*new_leader), last);
  // The old one still holds a rest of its own run, which nobody else gets.
  EXPECT_EQ(*Take(*old_leader), last + 1);
}

TEST_F(IdAllocatorTest, ForeignReservationInBetweenIsSkipped) {
  auto ids = NewLeader();
  EXPECT_EQ(*Take(*ids, 999), 1u);
  next_ += 500;
  EXPECT_EQ(*Take(*ids, 2), 1501u);
}

TEST_F(IdAllocatorTest, LargeRequestsGetOneRun) {
  auto ids = NewLeader();
  const uint64_t first = *Take(*ids, kMaxIdsPerRequest);
  EXPECT_EQ(*Take(*ids), first + kMaxIdsPerRequest);
  EXPECT_EQ(Take(*ids, kMaxIdsPerRequest + 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Take(*ids, 0).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(IdAllocatorTest, FailedReservationFailsWhoWaitsOnly) {
  auto ids = NewLeader();
  absl::Status status;
  ids->Allocate(1, [&](absl::StatusOr<uint64_t> r) { status = r.status(); });
  Complete(absl::UnavailableError("not leader"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Take(*ids).ok());
}

TEST_F(IdAllocatorTest, CloseAnswersWhoWaits) {
  auto ids = NewLeader();
  absl::Status status;
  ids->Allocate(1, [&](absl::StatusOr<uint64_t> r) { status = r.status(); });
  ids->Close(absl::UnavailableError("not leader"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(IdAllocatorTest, WaitersShareOneReservation) {
  auto ids = NewLeader();
  std::vector<uint64_t> firsts;
  for (int i = 0; i < 5; ++i) {
    ids->Allocate(2, [&](absl::StatusOr<uint64_t> r) { firsts.push_back(*r); });
  }
  Complete();
  EXPECT_EQ(firsts, (std::vector<uint64_t>{1, 3, 5, 7, 9}));
  EXPECT_EQ(reservations_, 1);
}

}  // namespace
}  // namespace flotilla::pd
