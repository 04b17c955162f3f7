// Handing leadership over: who should get it. The handing itself is Raft's (thesis 3.10); what it
// does to the lease is the host's. PD asks for it by name, a store that shuts down for any.
#ifndef FLOTILLA_STORE_OPERATION_TRANSFER_LEADER_H_
#define FLOTILLA_STORE_OPERATION_TRANSFER_LEADER_H_

#include <optional>

#include "common/raft/raw_node.h"

namespace flotilla::store {

// The voter, other than the leader itself, that is heard of and has most of the log; nullopt when
// there is none.
std::optional<PeerId> BestTransferee(const raft::NodeStatus& leader);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_OPERATION_TRANSFER_LEADER_H_
