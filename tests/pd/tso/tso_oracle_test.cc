#include "pd/tso/tso_oracle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/env/random.h"

namespace flotilla::pd {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int64_t kYearMs = int64_t{365} * 24 * 3600 * 1000;

// Keeps the saved limit as a quorum would, and completes saves when told.
class TsoOracleTest : public testing::Test {
 protected:
  using Done = absl::AnyInvocable<void(absl::Status) &&>;

  std::unique_ptr<TsoOracle> NewLeader() {
    return std::make_unique<TsoOracle>(&clock_, saved_limit_ms_, [this](int64_t limit, Done done) {
      pending_.push_back({limit, std::move(done)});
    });
  }

  void CompleteSaves(const absl::Status& status = absl::OkStatus()) {
    while (!pending_.empty()) {
      auto pending = std::exchange(pending_, {});
      for (auto& [limit, done] : pending) {
        if (status.ok()) saved_limit_ms_ = std::max(saved_limit_ms_, limit);
        std::move(done)(status);
      }
    }
  }

  absl::StatusOr<Timestamp> Take(TsoOracle& oracle, uint32_t count = 1) {
    absl::StatusOr<Timestamp> result = absl::UnknownError("never answered");
    oracle.Allocate(count, [&](absl::StatusOr<Timestamp> r) { result = std::move(r); });
    CompleteSaves();
    return result;
  }

  env::ManualClock clock_;
  int64_t saved_limit_ms_ = 0;
  std::vector<std::pair<int64_t, Done>> pending_;
};

TEST_F(TsoOracleTest, NothingIsHandedOutBeforeTheLimitIsSaved) {
  auto oracle = NewLeader();
  bool answered = false;
  oracle->Allocate(1, [&](absl::StatusOr<Timestamp> result) {
    answered = true;
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_LT(result->physical_ms, saved_limit_ms_);
  });
  EXPECT_FALSE(answered);
  ASSERT_EQ(pending_.size(), 1u);
  CompleteSaves();
  EXPECT_TRUE(answered);
}

TEST_F(TsoOracleTest, LogicalIsTheLargestOfTheBatch) {
  auto oracle = NewLeader();
  const Timestamp first = *Take(*oracle, 10);
  EXPECT_EQ(first.physical_ms, clock_.WallMillis());
  EXPECT_EQ(first.logical, 10);
  const Timestamp second = *Take(*oracle, 5);
  EXPECT_EQ(second.physical_ms, first.physical_ms);
  EXPECT_EQ(second.logical, 15);
}

TEST_F(TsoOracleTest, PackedKeepsTheOrder) {
  EXPECT_LT((Timestamp{7, kMaxLogical}.Packed()), (Timestamp{8, 0}.Packed()));
}

TEST_F(TsoOracleTest, RefusesCountsThatFitNoMillisecond) {
  auto oracle = NewLeader();
  EXPECT_EQ(Take(*oracle, 0).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Take(*oracle, kMaxLogical + 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Take(*oracle, kMaxLogical).ok());
}

TEST_F(TsoOracleTest, FullMillisecondGoesOnInTheNext) {
  auto oracle = NewLeader();
  const Timestamp first = *Take(*oracle, kMaxLogical);
  const Timestamp second = *Take(*oracle, 1);
  EXPECT_EQ(second.physical_ms, first.physical_ms + 1);
  EXPECT_EQ(second.logical, 1);
}

TEST_F(TsoOracleTest, FloodIsRefusedInsteadOfRunningAheadOfTime) {
  auto oracle = NewLeader();
  const int64_t start = clock_.WallMillis();
  Timestamp last;
  absl::Status refused;
  for (int i = 0; i < 5000 && refused.ok(); ++i) {
    auto result = Take(*oracle, kMaxLogical);
    if (result.ok()) last = *result;
    refused = result.status();
  }
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LE(last.physical_ms, start + 1001);
  // Time makes room again.
  clock_.Advance(seconds(10));
  auto later = Take(*oracle, kMaxLogical);
  ASSERT_TRUE(later.ok());
  EXPECT_GT(*later, last);
}

TEST_F(TsoOracleTest, WindowIsRenewedBeforeItIsUsedUp) {
  auto oracle = NewLeader();
  Take(*oracle).value();
  int waits = 0;
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(milliseconds(100));
    bool answered = false;
    oracle->Allocate(1, [&](absl::StatusOr<Timestamp> r) { answered = r.ok(); });
    if (!answered) ++waits;
    CompleteSaves();
    EXPECT_TRUE(answered);
  }
  EXPECT_EQ(waits, 0);
}

TEST_F(TsoOracleTest, FailedSaveFailsWhoWaitsAndTheNextRequestTriesAgain) {
  auto oracle = NewLeader();
  absl::Status status;
  oracle->Allocate(1, [&](absl::StatusOr<Timestamp> r) { status = r.status(); });
  CompleteSaves(absl::UnavailableError("not leader"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Take(*oracle).ok());
}

TEST_F(TsoOracleTest, CloseAnswersWhoWaits) {
  auto oracle = NewLeader();
  absl::Status status;
  oracle->Allocate(1, [&](absl::StatusOr<Timestamp> r) { status = r.status(); });
  oracle->Close(absl::UnavailableError("not leader"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Take(*oracle).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TsoOracleTest, WaitersAreAnsweredInOrder) {
  auto oracle = NewLeader();
  std::vector<Timestamp> order;
  for (int i = 0; i < 10; ++i) {
    oracle->Allocate(3, [&](absl::StatusOr<Timestamp> r) { order.push_back(*r); });
  }
  EXPECT_TRUE(order.empty());
  CompleteSaves();
  ASSERT_EQ(order.size(), 10u);
  for (size_t i = 1; i < order.size(); ++i) EXPECT_LT(order[i - 1], order[i]);
}

TEST_F(TsoOracleTest, NewLeaderStartsBeyondTheSavedLimit) {
  auto old_leader = NewLeader();
  const Timestamp last = *Take(*old_leader);
  auto new_leader = NewLeader();
  const Timestamp first = *Take(*new_leader);
  EXPECT_GT(first, last);
  EXPECT_EQ(first.physical_ms, last.physical_ms + kTsoWindowMs + 1);
}

TEST_F(TsoOracleTest, NewLeaderWithAClockAnHourBehindNeverGoesBack) {
  auto old_leader = NewLeader();
  const Timestamp last = *Take(*old_leader);
  clock_.SetWallMillis(clock_.WallMillis() - 3'600'000);
  auto new_leader = NewLeader();
  EXPECT_GT(*Take(*new_leader), last);
}

TEST_F(TsoOracleTest, YearAheadForAMinuteAndBackIsBoundedAndServed) {
  auto oracle = NewLeader();
  const int64_t start = clock_.WallMillis();
  Timestamp last = *Take(*oracle);
  const auto run = [&](int steps) {
    for (int i = 0; i < steps; ++i) {
      clock_.Advance(milliseconds(100));
      const auto next = Take(*oracle);
      ASSERT_TRUE(next.ok()) << next.status();
      ASSERT_GT(*next, last);
      last = *next;
    }
  };
  clock_.SetWallMillis(start + kYearMs);
  run(600);
  EXPECT_LE(last.physical_ms, start + 120'000);
  clock_.SetWallMillis(start + 60'000);
  // It is at most a minute ahead, which half the pace makes good in two.
  run(1300);
  EXPECT_NEAR(last.physical_ms, clock_.WallMillis(), 2);
}

TEST_F(TsoOracleTest, ClockSetBackAnHourSlowsButDoesNotStop) {
  auto oracle = NewLeader();
  const Timestamp before = *Take(*oracle);
  clock_.SetWallMillis(clock_.WallMillis() - 3'600'000);
  clock_.Advance(minutes(2));
  const Timestamp after = *Take(*oracle);
  EXPECT_EQ(after.physical_ms, before.physical_ms + 60'000);
}

TEST_F(TsoOracleTest, FollowsTheClockWhenAskedVeryOften) {
  auto oracle = NewLeader();
  Timestamp last = *Take(*oracle);
  for (int i = 0; i < 20'000; ++i) {
    clock_.Advance(microseconds(50));
    if (i % 20 == 0) clock_.SetWallMillis(1'700'000'000'000 + i / 20);
    const Timestamp next = *Take(*oracle);
    ASSERT_GT(next, last);
    last = next;
  }
  EXPECT_NEAR(last.physical_ms, 1'700'000'000'000 + 1000, 2);
}

// Random requests, clock jumps, failed saves and changes of leader; timestamps of all leaders are
// unique and increase.
TEST_F(TsoOracleTest, MonotoneUnderRandomFaults) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    env::Random random(seed);
    clock_ = env::ManualClock();
    saved_limit_ms_ = 0;
    pending_.clear();
    auto oracle = NewLeader();
    Timestamp last;
    for (int step = 0; step < 500; ++step) {
      switch (random.Uniform(12)) {
        case 0:
          clock_.SetWallMillis(static_cast<int64_t>(random.Uniform(2 * kYearMs)) +
                               1'700'000'000'000 - kYearMs);
          break;
        case 1:
          clock_.Advance(hours(random.Uniform(3)));
          break;
        case 2:
          pending_.clear();
          oracle = NewLeader();
          break;
        case 3:
          CompleteSaves(absl::UnavailableError("lost"));
          break;
        default:
          clock_.Advance(microseconds(random.Uniform(5000)));
          break;
      }
      const auto count = static_cast<uint32_t>(random.Between(1, 1000));
      const auto next = Take(*oracle, count);
      ASSERT_TRUE(next.ok()) << next.status();
      const Timestamp first{next->physical_ms, next->logical - count + 1};
      ASSERT_GT(first, last) << "seed " << seed << " step " << step;
      last = *next;
    }
  }
}

}  // namespace
}  // namespace flotilla::pd
