#include "store/operation/transfer_leader.h"

#include <algorithm>

namespace flotilla::store {

std::optional<PeerId> BestTransferee(const raft::NodeStatus& leader) {
  std::optional<PeerId> best;
  Index furthest;
  const auto& voters = leader.conf_state.voters;
  for (const auto& [peer, progress] : leader.progress) {
    const bool votes = std::find(voters.begin(), voters.end(), peer) != voters.end();
    if (peer == leader.id || !votes || !progress.recently_active) continue;
    if (best.has_value() && progress.match <= furthest) continue;
    best = peer;
    furthest = progress.match;
  }
  return best;
}

}  // namespace flotilla::store
