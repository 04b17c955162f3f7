#include "common/multiraft/log_truncation.h"

#include <algorithm>

#include "common/base/planted_bugs.h"

namespace flotilla::multiraft {
namespace {

bool Beyond(const TruncationView& view, const TruncationLimits& limits, uint64_t divisor) {
  return view.entries > limits.max_entries / divisor || view.bytes > limits.max_bytes / divisor;
}

Index NeededByFollowers(const TruncationView& view, const raft::NodeStatus& status,
                        const TruncationLimits& limits) {
  Index needed = view.applied;
  const bool drop_dead = Beyond(view, limits, limits.dead_follower_divisor);
  for (const auto& [peer, progress] : status.progress) {
    if (peer == status.id || (drop_dead && !progress.recently_active)) continue;
    // A follower that takes in a snapshot goes on after it.
    needed = std::min(needed, std::max(progress.match, progress.pending_snapshot));
  }
  return needed;
}

}  // namespace

TruncationLimits Tighten(TruncationLimits limits, const raftlog::LogUsage& usage,
                         uint64_t max_total_bytes) {
  const uint64_t total = usage.bytes();
  if (total <= max_total_bytes / 2) return limits;
  limits.min_entries = 1;
  if (total <= max_total_bytes) return limits;
  const uint64_t mean = total / std::max<uint64_t>(1, usage.groups());
  limits.max_bytes = std::min(limits.max_bytes, std::max<uint64_t>(1, mean) - 1);
  limits.dead_follower_divisor = 1;
  return limits;
}

void AppliedHistory::MaybeSample(Index applied, env::Instant now) {
  if (now < next_) return;
  next_ = now + kInterval;
  std::copy_backward(samples_.begin(), samples_.end() - 1, samples_.end());
  samples_[0] = applied;
}

Index TruncationPoint(const TruncationView& view, const raft::NodeStatus& status,
                      const TruncationLimits& limits) {
  Index point = std::min(view.flushed, view.applied);
  if (Planted(Bug::kLogCutAboveFlush)) point = view.applied;
  const bool beyond = Beyond(view, limits, 1);
  if (!beyond) {
    const bool leads = status.soft_state.role == raft::Role::kLeader;
    point = std::min(point, leads ? NeededByFollowers(view, status, limits) : view.applied_before);
    if (point < view.truncated + limits.min_entries) return view.truncated;
  }
  return std::max(point, view.truncated);
}

bool WantsFlush(const TruncationView& view, const TruncationLimits& limits) {
  return view.flushed < view.applied && Beyond(view, limits, 2);
}

}  // namespace flotilla::multiraft
