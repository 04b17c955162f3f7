// Whom to hand leadership to: pure decisions on what a leader knows of its peers.
#ifndef FLOTILLA_COMMON_MULTIRAFT_TRANSFEREE_H_
#define FLOTILLA_COMMON_MULTIRAFT_TRANSFEREE_H_

#include <optional>
#include <vector>

#include "common/base/ids.h"
#include "common/raft/conf_change.h"
#include "common/raft/raw_node.h"

namespace flotilla::multiraft {

// The voter that answers and needs the least to catch up; nullopt when none answers.
std::optional<PeerId> BestTransferee(const raft::NodeStatus& leader);

// Who should lead before the change is proposed, because it takes the leader out of the voters: a
// voter that stays, which answers if any does. The leader would step down when it applies its
// removal, perhaps as the only one who knows that it is committed, and nobody would lead for an
// election timeout. nullopt when the leader stays, when no other voter does, or when the change
// does not fit.
std::optional<PeerId> SuccessorFor(const raft::ConfChange& change, const raft::NodeStatus& leader);

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_TRANSFEREE_H_
