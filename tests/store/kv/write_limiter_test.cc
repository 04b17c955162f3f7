// The limit on writes under way, against stores that serve at a fixed rate, under virtual time.
#include "store/kv/write_limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "common/errors/region_error.h"
#include "tikv/errorpb.pb.h"

namespace flotilla::store {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kWrite = 10'000;

// Serves what was let in one after the other, `per_second` of them, each `base` after its turn.
class QueueingStore {
 public:
  QueueingStore(double per_second, env::Duration base, const WriteLimits& limits)
      : service_(static_cast<int64_t>(1e9 / per_second)),
        base_(base),
        limiter_(limits, &clock_, &metrics_) {}

  // Offers `per_second` writes at equal distances for `length`.
  void Offer(double per_second, env::Duration length) {
    const env::Duration step(static_cast<int64_t>(1e9 / per_second));
    served_ = 0;
    delays_.clear();
    for (env::Instant end = clock_.Now() + length; clock_.Now() < end; clock_.Advance(step)) {
      Serve();
      if (!limiter_.Enter(kWrite).ok()) continue;
      free_at_ = std::max(free_at_, clock_.Now()) + service_;
      under_way_.push_back({clock_.Now(), free_at_ + base_});
    }
    per_second_ = served_ / env::Seconds(length);
  }

  void SetRate(double per_second) {
    service_ = env::Duration(static_cast<int64_t>(1e9 / per_second));
  }
  double served_per_second() const { return per_second_; }
  env::Duration p99() {
    std::sort(delays_.begin(), delays_.end());
    return delays_[delays_.size() * 99 / 100];
  }
  WriteLimiter& limiter() { return limiter_; }

 private:
  struct Write {
    env::Instant entered;
    env::Instant done;
  };
  void Serve() {
    while (!under_way_.empty() && under_way_.front().done <= clock_.Now()) {
      delays_.push_back(clock_.Now() - under_way_.front().entered);
      limiter_.LeaveApplied(kWrite, under_way_.front().entered);
      under_way_.pop_front();
      ++served_;
    }
  }

  env::ManualClock clock_;
  metrics::Registry metrics_;
  env::Duration service_;
  const env::Duration base_;
  WriteLimiter limiter_;
  env::Instant free_at_{};
  std::deque<Write> under_way_;
  double served_ = 0;
  double per_second_ = 0;
  std::vector<env::Duration> delays_;
};

constexpr WriteLimits kLimits{
    .delay = milliseconds(100), .min_bytes = 100'000, .max_bytes = 100'000'000};

TEST(WriteLimiterTest, TenTimesTheLoadIsServedAtFullRateWithBoundedDelay) {
  QueueingStore store(1000, milliseconds(5), kLimits);
  store.Offer(900, seconds(5));
  EXPECT_NEAR(store.served_per_second(), 900, 10);
  store.Offer(10'000, seconds(10));
  EXPECT_GT(store.served_per_second(), 990);
  EXPECT_LT(store.p99(), milliseconds(500));
  // What it learnt of its rate holds from then on.
  store.Offer(10'000, seconds(10));
  EXPECT_GT(store.served_per_second(), 990);
  EXPECT_LT(store.p99(), milliseconds(200));
  // Afterwards it is as before.
  store.Offer(900, seconds(1));
  store.Offer(900, seconds(5));
  EXPECT_NEAR(store.served_per_second(), 900, 10);
  EXPECT_LT(store.p99(), milliseconds(10));
}

TEST(WriteLimiterTest, AStoreThatGetsSlowerOrFasterIsFollowed) {
  QueueingStore store(2000, milliseconds(5), kLimits);
  store.Offer(20'000, seconds(10));
  store.SetRate(200);
  store.Offer(20'000, seconds(10));
  store.Offer(20'000, seconds(10));
  EXPECT_GT(store.served_per_second(), 195);
  EXPECT_LT(store.p99(), milliseconds(250));
  store.SetRate(2000);
  store.Offer(20'000, seconds(5));
  store.Offer(20'000, seconds(5));
  EXPECT_GT(store.served_per_second(), 1980);
}

TEST(WriteLimiterTest, ASlowDiskStillGetsWhatOneSyncShouldCover) {
  QueueingStore store(1'000'000, seconds(2), kLimits);
  store.Offer(1000, seconds(20));
  EXPECT_EQ(store.limiter().limit(), kLimits.min_bytes);
  EXPECT_GE(store.served_per_second(), 4);  // Ten writes at a time, two seconds each.
}

TEST(WriteLimiterTest, WhatCannotBeInTimeIsRefusedWhileThatIsKnown) {
  env::ManualClock clock;
  metrics::Registry metrics;
  WriteLimiter limiter(kLimits, &clock, &metrics);
  EXPECT_TRUE(limiter.Check(kWrite, milliseconds(1)).ok()) << "nothing is known yet";
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(limiter.Enter(kWrite).ok());
    const env::Instant entered = clock.Now();
    clock.Advance(milliseconds(80));
    limiter.LeaveApplied(kWrite, entered);
  }
  EXPECT_FALSE(limiter.Check(kWrite, milliseconds(79)).ok());
  EXPECT_TRUE(limiter.Check(kWrite, milliseconds(80)).ok());
  // Others must find out how it is now: else a refusal would be the reason for the next one.
  clock.Advance(2 * WriteLimiter::kInterval);
  EXPECT_TRUE(limiter.Check(kWrite, milliseconds(1)).ok());
}

TEST(WriteLimiterTest, RefusalsAreServerIsBusyWithTheDelayAsHint) {
  env::ManualClock clock;
  metrics::Registry metrics;
  WriteLimiter limiter({.delay = milliseconds(70), .min_bytes = 10, .max_bytes = 10}, &clock,
                       &metrics);
  // Of any size, alone.
  ASSERT_TRUE(limiter.Enter(1000).ok());
  const absl::Status refused = limiter.Enter(1);
  errorpb::Error error;
  ASSERT_TRUE(errors::ToRegionError(refused, &error));
  EXPECT_EQ(error.server_is_busy().backoff_ms(), 70u);
  EXPECT_EQ(limiter.in_flight(), 1000u);
  limiter.Leave(1000);
  EXPECT_TRUE(limiter.Enter(4).ok());
  EXPECT_TRUE(limiter.Enter(6).ok());
  EXPECT_FALSE(limiter.Enter(1).ok());
  EXPECT_EQ(limiter.in_flight(), 10u);
}

TEST(WriteLimiterTest, RefusedAndFailedWritesSayNothingAboutDelays) {
  env::ManualClock clock;
  metrics::Registry metrics;
  WriteLimiter limiter({.delay = milliseconds(100), .min_bytes = 10, .max_bytes = 1000}, &clock,
                       &metrics);
  const uint64_t before = limiter.limit();
  for (int i = 0; i < 10; ++i) {
    const env::Instant entered = clock.Now();
    ASSERT_TRUE(limiter.Enter(1).ok());
    ASSERT_TRUE(limiter.Enter(1).ok());
    limiter.Leave(1);  // At once: another store leads.
    clock.Advance(milliseconds(300));
    limiter.LeaveApplied(1, entered);
  }
  EXPECT_LT(limiter.limit(), before);
}

}  // namespace
}  // namespace flotilla::store
