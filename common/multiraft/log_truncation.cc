#include "common/multiraft/log_truncation.h"

#include <algorithm>

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

Index TruncationPoint(const TruncationView& view, const raft::NodeStatus& status,
                      const TruncationLimits& limits) {
  Index point = std::min(view.flushed, view.applied);
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
