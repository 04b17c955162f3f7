#include "pd/gc/gc_rules.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace flotilla::pd {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

}  // namespace

bool IsBarrierExpired(const meta::v1::GcBarrier& barrier, int64_t now_ms) {
  return barrier.expires_at_ms() != 0 && barrier.expires_at_ms() <= now_ms;
}

const meta::v1::GcBarrier* LowestBarrier(const std::vector<meta::v1::GcBarrier>& barriers,
                                         int64_t now_ms) {
  const meta::v1::GcBarrier* lowest = nullptr;
  for (const meta::v1::GcBarrier& barrier : barriers) {
    if (IsBarrierExpired(barrier, now_ms)) continue;
    if (lowest == nullptr || barrier.barrier_ts() < lowest->barrier_ts()) lowest = &barrier;
  }
  return lowest;
}

absl::StatusOr<meta::v1::SafePointResult> AdvanceTxnSafePoint(
    meta::v1::GcState& state, const std::vector<meta::v1::GcBarrier>& barriers, uint64_t target,
    int64_t now_ms) {
  const uint64_t old_value = state.txn_safe_point();
  if (target < old_value) {
    return absl::FailedPreconditionError(
        absl::StrCat("transaction safe point cannot go back from ", old_value, " to ", target));
  }
  meta::v1::SafePointResult result;
  result.set_old_value(old_value);
  uint64_t new_value = target;
  const meta::v1::GcBarrier* lowest = LowestBarrier(barriers, now_ms);
  if (lowest != nullptr && lowest->barrier_ts() < target) {
    // A barrier is never set below the point, but what was set before stays where it is.
    new_value = std::max(old_value, lowest->barrier_ts());
    result.set_blocker(
        absl::StrCat("GC barrier \"", lowest->barrier_id(), "\" at ", lowest->barrier_ts()));
  }
  state.set_txn_safe_point(new_value);
  result.set_new_value(new_value);
  return result;
}

absl::StatusOr<meta::v1::SafePointResult> AdvanceGcSafePoint(meta::v1::GcState& state,
                                                             uint64_t target) {
  const uint64_t old_value = state.gc_safe_point();
  if (target < old_value) {
    return absl::FailedPreconditionError(
        absl::StrCat("GC safe point cannot go back from ", old_value, " to ", target));
  }
  if (target > state.txn_safe_point()) {
    return absl::FailedPreconditionError(absl::StrCat("GC safe point ", target,
                                                      " would pass the transaction safe point ",
                                                      state.txn_safe_point()));
  }
  meta::v1::SafePointResult result;
  result.set_old_value(old_value);
  result.set_new_value(target);
  state.set_gc_safe_point(target);
  return result;
}

meta::v1::SafePointResult AdvanceBothSafePoints(meta::v1::GcState& state,
                                                const std::vector<meta::v1::GcBarrier>& barriers,
                                                uint64_t target, int64_t now_ms) {
  meta::v1::SafePointResult result;
  result.set_old_value(state.gc_safe_point());
  if (target > state.txn_safe_point()) {
    const auto moved = AdvanceTxnSafePoint(state, barriers, target, now_ms);
    CHECK_OK(moved.status());
    result.set_blocker(moved->blocker());
  }
  state.set_gc_safe_point(
      std::max(state.gc_safe_point(), std::min(target, state.txn_safe_point())));
  result.set_new_value(state.gc_safe_point());
  return result;
}

absl::Status CheckBarrier(const meta::v1::GcState& state, const meta::v1::GcBarrier& barrier) {
  if (barrier.barrier_id().empty() || barrier.barrier_id().size() > kMaxGcBarrierIdBytes) {
    return absl::InvalidArgumentError(absl::StrCat("GC barrier id of ", barrier.barrier_id().size(),
                                                   " bytes, should be 1 to ",
                                                   kMaxGcBarrierIdBytes));
  }
  if (barrier.barrier_ts() < state.txn_safe_point()) {
    return absl::FailedPreconditionError(
        absl::StrCat("GC barrier \"", barrier.barrier_id(), "\" at ", barrier.barrier_ts(),
                     " lies behind the transaction safe point ", state.txn_safe_point()));
  }
  return absl::OkStatus();
}

int64_t BarrierTtlSeconds(const meta::v1::GcBarrier& barrier, int64_t now_ms) {
  if (barrier.expires_at_ms() == 0) return kNever;
  return std::max<int64_t>(0, (barrier.expires_at_ms() - now_ms + 999) / 1000);
}

int64_t BarrierExpiryMs(int64_t ttl_seconds, int64_t now_ms) {
  if (ttl_seconds >= (kNever - now_ms) / 1000) return 0;
  return now_ms + ttl_seconds * 1000;
}

}  // namespace flotilla::pd
