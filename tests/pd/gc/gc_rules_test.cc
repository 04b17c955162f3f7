#include "pd/gc/gc_rules.h"

#include <gtest/gtest.h>

#include <limits>

namespace flotilla::pd {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

meta::v1::GcBarrier Barrier(const std::string& id, uint64_t ts, int64_t expires_at_ms = 0) {
  meta::v1::GcBarrier barrier;
  barrier.set_barrier_id(id);
  barrier.set_barrier_ts(ts);
  barrier.set_expires_at_ms(expires_at_ms);
  return barrier;
}

TEST(GcRulesTest, TxnSafePointStopsAtTheLowestBarrier) {
  meta::v1::GcState state;
  const std::vector<meta::v1::GcBarrier> barriers{Barrier("backup", 50), Barrier("cdc", 40)};
  auto result = AdvanceTxnSafePoint(state, barriers, 100, kNow);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->old_value(), 0u);
  EXPECT_EQ(result->new_value(), 40u);
  EXPECT_NE(result->blocker().find("cdc"), std::string::npos);
  EXPECT_EQ(state.txn_safe_point(), 40u);
}

TEST(GcRulesTest, ExpiredBarriersHoldNothing) {
  meta::v1::GcState state;
  auto result = AdvanceTxnSafePoint(state, {Barrier("cdc", 40, kNow)}, 100, kNow);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->new_value(), 100u);
  EXPECT_TRUE(result->blocker().empty());
}

TEST(GcRulesTest, SafePointsNeverGoBack) {
  meta::v1::GcState state;
  ASSERT_TRUE(AdvanceTxnSafePoint(state, {}, 100, kNow).ok());
  EXPECT_EQ(AdvanceTxnSafePoint(state, {}, 99, kNow).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(AdvanceGcSafePoint(state, 80).ok());
  EXPECT_EQ(AdvanceGcSafePoint(state, 79).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(state.gc_safe_point(), 80u);
}

TEST(GcRulesTest, GcSafePointStaysBehindTheTxnSafePoint) {
  meta::v1::GcState state;
  ASSERT_TRUE(AdvanceTxnSafePoint(state, {}, 100, kNow).ok());
  EXPECT_FALSE(AdvanceGcSafePoint(state, 101).ok());
  EXPECT_TRUE(AdvanceGcSafePoint(state, 100).ok());
}

TEST(GcRulesTest, CallersOfOnePointMoveBothBehindTheBarriers) {
  meta::v1::GcState state;
  auto result = AdvanceBothSafePoints(state, {Barrier("cdc", 40)}, 100, kNow);
  EXPECT_EQ(result.new_value(), 40u);
  EXPECT_EQ(state.txn_safe_point(), 40u);
  EXPECT_EQ(AdvanceBothSafePoints(state, {}, 30, kNow).new_value(), 40u);
  EXPECT_EQ(AdvanceBothSafePoints(state, {}, 60, kNow).new_value(), 60u);
  EXPECT_EQ(state.txn_safe_point(), 60u);
}

TEST(GcRulesTest, BarrierBehindTheTxnSafePointIsRefused) {
  meta::v1::GcState state;
  ASSERT_TRUE(AdvanceTxnSafePoint(state, {}, 100, kNow).ok());
  EXPECT_EQ(CheckBarrier(state, Barrier("cdc", 99)).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(CheckBarrier(state, Barrier("cdc", 100)).ok());
  EXPECT_EQ(CheckBarrier(state, Barrier("", 100)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckBarrier(state, Barrier(std::string(257, 'x'), 100)).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(GcRulesTest, TimeToLive) {
  const int64_t never = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(BarrierExpiryMs(never, kNow), 0);
  EXPECT_EQ(BarrierExpiryMs(10, kNow), kNow + 10'000);
  EXPECT_EQ(BarrierTtlSeconds(Barrier("a", 1), kNow), never);
  EXPECT_EQ(BarrierTtlSeconds(Barrier("a", 1, kNow + 1), kNow), 1);
  EXPECT_EQ(BarrierTtlSeconds(Barrier("a", 1, kNow - 5), kNow), 0);
}

}  // namespace
}  // namespace flotilla::pd
