// Proposals, and among them changes of membership (thesis 4).
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/planted_bugs.h"
#include "common/raft/raft.h"

namespace flotilla::raft {

absl::Status Raft::Propose(std::vector<Entry> entries) {
  CHECK(!entries.empty());
  if (std::holds_alternative<LeaderRole>(role_)) return ProposeAsLeader(std::move(entries));
  const PeerId to = leader();
  if (to == PeerId(0)) return absl::FailedPreconditionError("no leader is known");
  if (!config_.forward_proposals) return absl::FailedPreconditionError("not the leader");
  SendAt(Term(0), to, ForwardedProposal{std::move(entries)});
  return absl::OkStatus();
}

absl::Status Raft::OnForwardedProposal(ForwardedProposal proposal) {
  // Where nobody forwards, nobody has checked it: the host checks what it proposes itself.
  if (!config_.forward_proposals) return absl::FailedPreconditionError("nobody forwards here");
  if (proposal.entries.empty()) return absl::InvalidArgumentError("nothing proposed");
  return Propose(std::move(proposal.entries));
}

absl::Status Raft::ProposeAsLeader(std::vector<Entry> entries) {
  LeaderRole& leader = AsLeader();
  if (!IsMember(conf_, id())) {
    return absl::FailedPreconditionError("the leader is not a member any more");
  }
  if (leader.transferee != PeerId(0)) {
    return absl::UnavailableError("leadership is being transferred");
  }
  Index pending = leader.pending_conf_index;
  for (size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = entries[i];
    if (entry.type != EntryType::kConfChange) continue;
    absl::StatusOr<ConfChange> change = DecodeConfChange(entry.data.view());
    if (!change.ok()) return change.status();
    std::string_view refusal = pending > leader.pending_conf_index
                                   ? std::string_view("another change precedes it")
                                   : RefusalOf(*change);
    if (!config_.validate_conf_changes) refusal = {};
    if (refusal.empty()) {
      pending = log_.last_index() + (i + 1);
    } else if (config_.blank_refused_conf_changes) {
      entry = Entry{};
    } else {
      return absl::FailedPreconditionError("conf change refused: " + std::string(refusal));
    }
  }
  const uint64_t bytes = PayloadBytes(entries);
  // Entries without payload are never refused: a new leader's first one, and the one that leaves
  // the joint state. And however large it is, one proposal is let in when nothing else waits.
  if (leader.uncommitted_bytes > 0 && bytes > 0 &&
      leader.uncommitted_bytes + bytes > config_.max_uncommitted_bytes) {
    return absl::ResourceExhaustedError("too many bytes are proposed and not applied, limit " +
                                        std::to_string(config_.max_uncommitted_bytes));
  }
  leader.uncommitted_bytes += bytes;
  leader.pending_conf_index = pending;
  AppendOwn(std::move(entries));
  BroadcastAppend();
  return absl::OkStatus();
}

std::string_view Raft::RefusalOf(const ConfChange& change) const {
  // One at a time (thesis 4.1): quorums of configurations two changes apart need not overlap.
  if (std::get<LeaderRole>(role_).pending_conf_index > log_.applied() &&
      !Planted(Bug::kTwoConfChanges)) {
    return "another one may be pending";
  }
  const bool leaves = change.steps.empty();
  if (IsJoint(conf_) && !leaves) return "the joint state must be left first";
  if (!IsJoint(conf_) && leaves) return "not in joint state";
  if (!ChangeMembership(conf_, change).ok()) return "it does not fit the configuration";
  return {};
}

ConfState Raft::ApplyConfChange(const ConfChange& change, Index index) {
  // Handed out before a snapshot came that holds its outcome.
  if (index <= conf_restored_at_) return conf_;
  absl::StatusOr<MembershipChange> changed = ChangeMembership(conf_, change);
  CHECK(changed.ok()) << changed.status();
  SwitchTo(*changed);
  return conf_;
}

void Raft::SwitchTo(const MembershipChange& change) {
  conf_ = change.conf_state;
  if (!std::holds_alternative<LeaderRole>(role_)) return;
  AsLeader().tracker.ChangeTo(change, log_.last_index());
  if (!IsVoter(conf_, id())) {
    // Thesis 4.2.2: it led until its own removal was committed.
    if (config_.step_down_on_removal) BecomeFollower(term_, PeerId(0));
    return;
  }
  if (MaybeCommit()) {
    // Fewer are needed now.
    ReleasePostponedReads();
    BroadcastAppend();
  } else {
    // Let new members not wait for the next proposal or heartbeat.
    for (auto& [peer, progress] : AsLeader().tracker.all()) {
      if (peer != id()) MaybeSendAppend(peer, /*even_empty=*/false);
    }
  }
  if (!IsVoter(conf_, AsLeader().transferee)) AsLeader().transferee = PeerId(0);
}

void Raft::LeaveJointIfDue() {
  if (!conf_.auto_leave || !std::holds_alternative<LeaderRole>(role_)) return;
  if (log_.applied() < AsLeader().pending_conf_index) return;
  // Refused while leadership is being transferred: then the next leader does it, or we do with the
  // next applied entry.
  Entry leave{.term = {}, .index = {}, .type = EntryType::kConfChange, .data = {}};
  ProposeAsLeader({std::move(leave)}).IgnoreError();
}

}  // namespace flotilla::raft
