// The rules of garbage collection's safe points (public protocol, pdpb GC calls).
//
// The transaction safe point is the oldest snapshot that transactions may still read; it moves
// first. The GC safe point follows behind it and is what stores collect by. Barriers hold the
// transaction safe point back until they are deleted or expire. Neither point ever goes back.
// All keyspaces share one pair.
//
// Pure functions: time comes in as `now_ms`, the proposing leader's wall clock.
#ifndef FLOTILLA_PD_GC_GC_RULES_H_
#define FLOTILLA_PD_GC_GC_RULES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "flotilla/pd_meta.pb.h"

namespace flotilla::pd {

inline constexpr size_t kMaxGcBarriers = 1000;
inline constexpr size_t kMaxGcBarrierIdBytes = 256;

bool IsBarrierExpired(const meta::v1::GcBarrier& barrier, int64_t now_ms);
// Null: no barrier stands.
const meta::v1::GcBarrier* LowestBarrier(const std::vector<meta::v1::GcBarrier>& barriers,
                                         int64_t now_ms);

// Moves `state` towards `target`, as far as the barriers allow. FailedPrecondition: the target lies
// behind.
absl::StatusOr<meta::v1::SafePointResult> AdvanceTxnSafePoint(
    meta::v1::GcState& state, const std::vector<meta::v1::GcBarrier>& barriers, uint64_t target,
    int64_t now_ms);

// FailedPrecondition: the target lies behind, or beyond the transaction safe point.
absl::StatusOr<meta::v1::SafePointResult> AdvanceGcSafePoint(meta::v1::GcState& state,
                                                             uint64_t target);

// Moves both points towards `target`, as far as the barriers allow; a target that lies behind
// changes nothing.
meta::v1::SafePointResult AdvanceBothSafePoints(meta::v1::GcState& state,
                                                const std::vector<meta::v1::GcBarrier>& barriers,
                                                uint64_t target, int64_t now_ms);

// FailedPrecondition: what the barrier is to protect may be collected already. InvalidArgument: no
// id, or too long.
absl::Status CheckBarrier(const meta::v1::GcState& state, const meta::v1::GcBarrier& barrier);

// Seconds until the barrier expires, as the protocol counts: rounded up, the largest number for
// never.
int64_t BarrierTtlSeconds(const meta::v1::GcBarrier& barrier, int64_t now_ms);
// The time at which a barrier with this TTL expires; 0 for never.
int64_t BarrierExpiryMs(int64_t ttl_seconds, int64_t now_ms);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_GC_GC_RULES_H_
