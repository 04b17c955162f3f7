// Changes of a configuration as pure functions: old configuration and change in, new one or the
// reason why not out (thesis 4.1 to 4.3).
#ifndef FLOTILLA_COMMON_RAFT_MEMBERSHIP_H_
#define FLOTILLA_COMMON_RAFT_MEMBERSHIP_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/raft/conf_change.h"
#include "common/raft/types.h"

namespace flotilla::raft {

// The outcome of a change.
struct MembershipChange {
  ConfState conf_state;
  // Peers that were not members before, or were removed and added again: nothing is known of their
  // logs.
  std::vector<PeerId> added;
};

inline bool IsJoint(const ConfState& conf) { return !conf.voters_outgoing.empty(); }
bool IsVoter(const ConfState& conf, PeerId peer);    // In either half.
bool IsLearner(const ConfState& conf, PeerId peer);  // Not those of learners_next, who still vote.
bool IsMember(const ConfState& conf, PeerId peer);
// The voters of both halves, sorted, each once.
std::vector<PeerId> AllVoters(const ConfState& conf);

// InvalidArgument when the lists contradict each other, are not sorted or repeat a peer. The empty
// configuration, of a peer that waits for its first snapshot, is valid.
absl::Status ValidateConfState(const ConfState& conf);

// All of them return FailedPrecondition with the reason when the change does not fit. Steps that
// name peer 0 are skipped.

// Changes at most one voter, and any number of learners. Not in joint state.
absl::StatusOr<MembershipChange> SimpleChange(const ConfState& conf,
                                              const std::vector<ConfChangeStep>& steps);
// From C_old to C_old,new: the old voters go on as the outgoing half.
absl::StatusOr<MembershipChange> EnterJoint(const ConfState& conf, bool auto_leave,
                                            const std::vector<ConfChangeStep>& steps);
// From C_old,new to C_new.
absl::StatusOr<MembershipChange> LeaveJoint(const ConfState& conf);

// Whichever of the three `change` asks for.
absl::StatusOr<MembershipChange> ChangeMembership(const ConfState& conf, const ConfChange& change);

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_MEMBERSHIP_H_
