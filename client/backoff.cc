#include "client/backoff.h"

#include <algorithm>

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;

// Retries at once that an operation may make before it is slowed down: two stores that each name
// the other as leader must not be asked in a tight loop.
constexpr int kFreeRetries = 4;
constexpr int kMaxDoublings = 20;

}  // namespace

std::string_view BackoffKindName(BackoffKind kind) {
  switch (kind) {
    case BackoffKind::kNone:
      return "none";
    case BackoffKind::kRegionMiss:
      return "region_miss";
    case BackoffKind::kNoLeader:
      return "no_leader";
    case BackoffKind::kServerBusy:
      return "server_busy";
    case BackoffKind::kStoreUnavailable:
      return "store_unavailable";
    case BackoffKind::kNotReady:
      return "not_ready";
    case BackoffKind::kRegionInitializing:
      return "region_initializing";
    case BackoffKind::kDiskFull:
      return "disk_full";
    case BackoffKind::kRecovery:
      return "recovery";
    case BackoffKind::kPd:
      return "pd";
    case BackoffKind::kCount:
      break;
  }
  return "unknown";
}

BackoffCurve CurveOf(BackoffKind kind) {
  switch (kind) {
    case BackoffKind::kNone:
    case BackoffKind::kCount:
      return {milliseconds(0), milliseconds(0)};
    case BackoffKind::kNoLeader:
      return {milliseconds(2), milliseconds(200)};
    case BackoffKind::kRegionMiss:
    case BackoffKind::kNotReady:
      return {milliseconds(2), milliseconds(500)};
    case BackoffKind::kServerBusy:
      return {milliseconds(100), milliseconds(5000)};
    case BackoffKind::kStoreUnavailable:
      return {milliseconds(20), milliseconds(300)};
    case BackoffKind::kRegionInitializing:
      return {milliseconds(2), milliseconds(1000)};
    case BackoffKind::kDiskFull:
      return {milliseconds(500), milliseconds(5000)};
    case BackoffKind::kRecovery:
      return {milliseconds(100), milliseconds(10000)};
    case BackoffKind::kPd:
      return {milliseconds(20), milliseconds(1000)};
  }
  return {milliseconds(2), milliseconds(500)};
}

env::Duration BackoffJitter::Draw(const BackoffCurve& curve, int attempt) {
  const env::Duration full = std::min<env::Duration>(
      curve.cap, env::Duration(curve.base) * (int64_t{1} << std::min(attempt, kMaxDoublings)));
  const uint64_t half = static_cast<uint64_t>(full.count()) / 2;
  if (half == 0) return full;
  MutexLock lock(mutex_);
  return env::Duration(static_cast<int64_t>(half + random_.Uniform(half + 1)));
}

std::optional<env::Duration> RetryBudget::Next(BackoffKind kind, BackoffJitter& jitter,
                                               env::Instant now, env::Duration least) {
  if (now >= deadline_) return std::nullopt;
  ++retries_;
  uint8_t* attempts = &attempts_[static_cast<size_t>(kind)];
  if (kind == BackoffKind::kNone) {
    if (*attempts < kFreeRetries) {
      ++*attempts;
      return env::Duration::zero();
    }
    // Until a follower has missed its leader for long enough it names a store that is gone.
    kind = BackoffKind::kNoLeader;
    attempts = &attempts_[static_cast<size_t>(kind)];
  }
  const env::Duration wait = std::max(least, jitter.Draw(CurveOf(kind), *attempts));
  if (*attempts < kMaxDoublings) ++*attempts;
  if (now + wait >= deadline_) return std::nullopt;
  if (wait > waits_left_) {
    waits_used_up_ = true;
    return std::nullopt;
  }
  waits_left_ -= wait;
  return wait;
}

}  // namespace flotilla::client
