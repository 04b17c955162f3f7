#include "common/multiraft/transferee.h"

#include <algorithm>
#include <tuple>

#include "common/raft/membership.h"

namespace flotilla::multiraft {
namespace {

bool Contains(const std::vector<PeerId>& peers, PeerId peer) {
  return std::find(peers.begin(), peers.end(), peer) != peers.end();
}

std::optional<PeerId> BestOf(const raft::NodeStatus& leader, const std::vector<PeerId>& among,
                             bool silent_too) {
  std::optional<PeerId> best;
  std::tuple<bool, Index> best_rank;
  for (const auto& [peer, progress] : leader.progress) {
    const bool may_lead = peer != leader.id && !progress.is_learner && Contains(among, peer);
    if (!may_lead || !(progress.recently_active || silent_too)) continue;
    const std::tuple<bool, Index> rank{progress.recently_active, progress.match};
    if (best && rank <= best_rank) continue;
    best = peer;
    best_rank = rank;
  }
  return best;
}

}  // namespace

std::optional<PeerId> BestTransferee(const raft::NodeStatus& leader) {
  return BestOf(leader, leader.conf_state.voters, /*silent_too=*/false);
}

std::optional<PeerId> SuccessorFor(const raft::ConfChange& change, const raft::NodeStatus& leader) {
  const auto changed = raft::ChangeMembership(leader.conf_state, change);
  if (!changed.ok() || Contains(changed->conf_state.voters, leader.id)) return std::nullopt;
  return BestOf(leader, changed->conf_state.voters, /*silent_too=*/true);
}

}  // namespace flotilla::multiraft
