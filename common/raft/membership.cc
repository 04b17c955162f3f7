#include "common/raft/membership.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "common/base/status_macros.h"

namespace flotilla::raft {
namespace {

using PeerList = std::vector<PeerId>;

bool Contains(const PeerList& list, PeerId peer) {
  return std::binary_search(list.begin(), list.end(), peer);
}

void Insert(PeerList& list, PeerId peer) {
  auto at = std::lower_bound(list.begin(), list.end(), peer);
  if (at == list.end() || *at != peer) list.insert(at, peer);
}

void Erase(PeerList& list, PeerId peer) {
  auto at = std::lower_bound(list.begin(), list.end(), peer);
  if (at != list.end() && *at == peer) list.erase(at);
}

// Changes always work on the incoming half; a voter of the outgoing half stays a member until the
// joint state is left.
void MakeVoter(MembershipChange& change, PeerId peer) {
  if (!IsMember(change.conf_state, peer)) Insert(change.added, peer);
  Erase(change.conf_state.learners, peer);
  Erase(change.conf_state.learners_next, peer);
  Insert(change.conf_state.voters, peer);
}

void Remove(MembershipChange& change, PeerId peer) {
  ConfState& conf = change.conf_state;
  Erase(conf.voters, peer);
  Erase(conf.learners, peer);
  Erase(conf.learners_next, peer);
  if (!Contains(conf.voters_outgoing, peer)) Erase(change.added, peer);
}

void MakeLearner(MembershipChange& change, PeerId peer) {
  ConfState& conf = change.conf_state;
  if (!IsMember(conf, peer)) {
    Insert(change.added, peer);
    Insert(conf.learners, peer);
    return;
  }
  if (Contains(conf.learners, peer)) return;
  Erase(conf.voters, peer);
  // Whoever still votes in the outgoing half cannot be a learner at the same time: it becomes one
  // when the joint state is left.
  Insert(Contains(conf.voters_outgoing, peer) ? conf.learners_next : conf.learners, peer);
}

absl::Status ApplySteps(MembershipChange& change, const std::vector<ConfChangeStep>& steps) {
  for (const ConfChangeStep& step : steps) {
    if (step.peer == PeerId(0)) continue;
    switch (step.type) {
      case ConfChangeStep::Type::kAddVoter:
        MakeVoter(change, step.peer);
        break;
      case ConfChangeStep::Type::kAddLearner:
        MakeLearner(change, step.peer);
        break;
      case ConfChangeStep::Type::kRemove:
        Remove(change, step.peer);
        break;
      case ConfChangeStep::Type::kUpdate:
        break;
    }
  }
  if (change.conf_state.voters.empty()) {
    return absl::FailedPreconditionError("conf change removes all voters");
  }
  return absl::OkStatus();
}

absl::Status CheckList(const PeerList& list, const char* name) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] == PeerId(0)) {
      return absl::InvalidArgumentError(std::string("conf state: peer 0 in ") + name);
    }
    if (i > 0 && list[i - 1] >= list[i]) {
      return absl::InvalidArgumentError(std::string("conf state: not sorted or repeated: ") + name);
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool IsVoter(const ConfState& conf, PeerId peer) {
  return Contains(conf.voters, peer) || Contains(conf.voters_outgoing, peer);
}

bool IsLearner(const ConfState& conf, PeerId peer) { return Contains(conf.learners, peer); }

bool IsMember(const ConfState& conf, PeerId peer) {
  return IsVoter(conf, peer) || IsLearner(conf, peer);
}

std::vector<PeerId> AllVoters(const ConfState& conf) {
  std::vector<PeerId> all;
  std::set_union(conf.voters.begin(), conf.voters.end(), conf.voters_outgoing.begin(),
                 conf.voters_outgoing.end(), std::back_inserter(all));
  return all;
}

absl::Status ValidateConfState(const ConfState& conf) {
  RETURN_IF_ERROR(CheckList(conf.voters, "voters"));
  RETURN_IF_ERROR(CheckList(conf.voters_outgoing, "voters_outgoing"));
  RETURN_IF_ERROR(CheckList(conf.learners, "learners"));
  RETURN_IF_ERROR(CheckList(conf.learners_next, "learners_next"));
  for (PeerId peer : conf.learners) {
    if (IsVoter(conf, peer)) {
      return absl::InvalidArgumentError("conf state: a learner is a voter too");
    }
  }
  for (PeerId peer : conf.learners_next) {
    if (!Contains(conf.voters_outgoing, peer) || Contains(conf.voters, peer)) {
      return absl::InvalidArgumentError(
          "conf state: learners_next must be voters of the outgoing half only");
    }
  }
  if (!IsJoint(conf) && conf.auto_leave) {
    return absl::InvalidArgumentError("conf state: auto_leave without a joint state");
  }
  if (conf.voters.empty() && !(conf == ConfState())) {
    return absl::InvalidArgumentError("conf state: no voters");
  }
  return absl::OkStatus();
}

absl::StatusOr<MembershipChange> SimpleChange(const ConfState& conf,
                                              const std::vector<ConfChangeStep>& steps) {
  if (IsJoint(conf)) {
    return absl::FailedPreconditionError("simple conf change in joint state");
  }
  MembershipChange change{.conf_state = conf, .added = {}};
  RETURN_IF_ERROR(ApplySteps(change, steps));
  PeerList changed;
  std::set_symmetric_difference(conf.voters.begin(), conf.voters.end(),
                                change.conf_state.voters.begin(), change.conf_state.voters.end(),
                                std::back_inserter(changed));
  if (changed.size() > 1) {
    return absl::FailedPreconditionError("more than one voter changed without joint state");
  }
  return change;
}

absl::StatusOr<MembershipChange> EnterJoint(const ConfState& conf, bool auto_leave,
                                            const std::vector<ConfChangeStep>& steps) {
  if (IsJoint(conf)) return absl::FailedPreconditionError("already in joint state");
  if (conf.voters.empty()) {
    return absl::FailedPreconditionError("joint state needs voters to come from");
  }
  MembershipChange change{.conf_state = conf, .added = {}};
  change.conf_state.voters_outgoing = conf.voters;
  RETURN_IF_ERROR(ApplySteps(change, steps));
  change.conf_state.auto_leave = auto_leave;
  return change;
}

absl::StatusOr<MembershipChange> LeaveJoint(const ConfState& conf) {
  if (!IsJoint(conf)) return absl::FailedPreconditionError("not in joint state");
  MembershipChange change{.conf_state = conf, .added = {}};
  for (PeerId peer : conf.learners_next) Insert(change.conf_state.learners, peer);
  change.conf_state.learners_next.clear();
  change.conf_state.voters_outgoing.clear();
  change.conf_state.auto_leave = false;
  return change;
}

absl::StatusOr<MembershipChange> ChangeMembership(const ConfState& conf, const ConfChange& change) {
  if (change.LeavesJoint()) return LeaveJoint(conf);
  const bool explicit_leave = change.transition == ConfChange::Transition::kExplicit;
  if (change.transition != ConfChange::Transition::kAuto || change.steps.size() > 1) {
    return EnterJoint(conf, !explicit_leave, change.steps);
  }
  return SimpleChange(conf, change.steps);
}

}  // namespace flotilla::raft
