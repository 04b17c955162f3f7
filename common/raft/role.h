// A node's role and what exists only while it plays it: votes in candidates, progress in leaders.
// A change of role replaces the whole value, so that nothing of an old role can leak into the next.
#ifndef FLOTILLA_COMMON_RAFT_ROLE_H_
#define FLOTILLA_COMMON_RAFT_ROLE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <variant>

#include "common/raft/read_index.h"
#include "common/raft/tracker.h"
#include "common/raft/types.h"

namespace flotilla::raft {

// A read that a follower passed on to its leader.
struct ForwardedRead {
  ReadId read_id;
  uint64_t asked_at_tick = 0;
};

struct FollowerRole {
  PeerId leader;  // 0: unknown.
  std::deque<ForwardedRead> reads;
};

// Thesis 9.6: asks whether it could win. Its term and vote are those that it had before.
struct PreCandidateRole {
  std::map<PeerId, bool> votes;
};

struct CandidateRole {
  std::map<PeerId, bool> votes;
};

struct LeaderRole {
  explicit LeaderRole(Tracker t) : tracker(std::move(t)) {}

  Tracker tracker;
  ReadIndexQueue reads;
  uint32_t heartbeat_elapsed = 0;
  uint64_t heartbeat_round = 0;
  PeerId transferee;  // 0: none.
  // A TimeoutNow was sent in this term. However late it arrives, it starts an election that leases
  // do not hold off, so this leader may not claim a lease any more.
  bool leases_given_up = false;
  // Changes of membership up to this index may not be applied yet: no other one may be proposed.
  Index pending_conf_index;
  // Payload bytes proposed in this term and not applied yet.
  uint64_t uncommitted_bytes = 0;
};

using RoleState = std::variant<FollowerRole, PreCandidateRole, CandidateRole, LeaderRole>;

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_ROLE_H_
