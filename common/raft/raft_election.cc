// Elections (thesis 3.4), pre-vote (9.6), leases against disruption (4.2.3), transfer (3.10).
#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/planted_bugs.h"
#include "common/raft/quorum.h"
#include "common/raft/raft.h"

namespace flotilla::raft {

void Raft::Campaign() { StartElection(config_.pre_vote ? Election::kPreVote : Election::kNormal); }

bool Raft::MayCampaign() const {
  if (std::holds_alternative<LeaderRole>(role_)) return false;
  if (!IsVoter(conf_, id()) || log_.unstable().snapshot().has_value()) return false;
  if (Planted(Bug::kCampaignBeforeConf)) return true;
  // A committed change of membership that is not applied yet may have changed who votes: an
  // election among the old members could then win beside one among the new ones.
  Index low = log_.applied() + 1;
  const Index end = log_.committed() + 1;
  while (low < end) {
    std::vector<Entry> page = log_.Slice(low, end, config_.max_unapplied_bytes);
    for (const Entry& entry : page) {
      if (entry.type == EntryType::kConfChange) return false;
    }
    low += page.size();
  }
  return true;
}

void Raft::StartElection(Election election) {
  if (!MayCampaign()) return;
  const bool pre_vote = election == Election::kPreVote;
  if (pre_vote) {
    BecomePreCandidate();
  } else {
    BecomeCandidate();
  }
  const Term term = pre_vote ? term_ + 1 : term_;
  const EntryId last = log_.last();
  for (PeerId voter : AllVoters(conf_)) {
    if (voter == id()) {
      // Our own vote counts when it is durable, like any other.
      SendAfterPersist(term, voter,
                       VoteResponse{.pre_vote = pre_vote, .rejected = false, .commit = {}});
      continue;
    }
    VoteRequest request{.pre_vote = pre_vote,
                        .last = last,
                        .leadership_transfer = election == Election::kTransfer,
                        .commit = KnownCommit()};
    if (config_.durable_vote_requests && !pre_vote) {
      SendAfterPersist(term, voter, request);
    } else {
      SendAt(term, voter, request);
    }
  }
}

bool Raft::IgnoresVoteRequests() const {
  if (Planted(Bug::kVoteDespiteLeader)) return false;
  if (ticks_ < hold_off_until_tick_) return true;
  return config_.check_quorum && leader() != PeerId(0) &&
         election_elapsed_ticks_ < config_.election_timeout_ticks;
}

void Raft::OnVoteRequest(const Message& message, const VoteRequest& request) {
  // Again what was granted before; or the first vote in a term without a leader; or a dry run,
  // which promises nothing.
  const bool free_to_vote = vote_ == message.from || Planted(Bug::kVoteTwice) ||
                            (vote_ == PeerId(0) && leader() == PeerId(0)) ||
                            (request.pre_vote && message.term > term_);
  // Learners vote too: who is asked may have become a voter without having heard of it yet.
  const bool up_to_date = log_.IsUpToDate(request.last) || Planted(Bug::kVoteForOlderLog);
  if (!free_to_vote || !up_to_date) {
    SendAfterPersist(
        term_, message.from,
        VoteResponse{.pre_vote = request.pre_vote, .rejected = true, .commit = KnownCommit()});
    return;
  }
  // The answer carries the term of the request: that of a pre-candidate lies beyond our own.
  SendAfterPersist(
      message.term, message.from,
      VoteResponse{.pre_vote = request.pre_vote, .rejected = false, .commit = KnownCommit()});
  if (request.pre_vote) {
    YieldPreVote(message.from, request.last);
    return;
  }
  election_elapsed_ticks_ = 0;
  vote_ = message.from;
}

void Raft::YieldPreVote(PeerId other, EntryId last) {
  if (!config_.yield_pre_votes || !std::holds_alternative<PreCandidateRole>(role_)) return;
  // Granted, so that the other log is not older. The election timer starts anew: if nothing comes
  // of the other's election, ours follows.
  if (last == log_.last() && other < id()) return;
  BecomeFollower(term_, PeerId(0));
}

void Raft::OnVoteResponse(const Message& message, const VoteResponse& response) {
  std::map<PeerId, bool>* votes = nullptr;
  auto* pre_candidate = std::get_if<PreCandidateRole>(&role_);
  auto* candidate = std::get_if<CandidateRole>(&role_);
  if (pre_candidate != nullptr && response.pre_vote) votes = &pre_candidate->votes;
  if (candidate != nullptr && !response.pre_vote) votes = &candidate->votes;
  if (votes == nullptr) return;  // An answer to an election that is over.

  votes->try_emplace(message.from, !response.rejected);  // The first answer counts.
  auto vote_of = [votes](PeerId voter) -> std::optional<bool> {
    auto it = votes->find(voter);
    if (it == votes->end()) return std::nullopt;
    return it->second;
  };
  switch (JointVote(conf_.voters, conf_.voters_outgoing, vote_of)) {
    case VoteResult::kPending:
      return;
    case VoteResult::kLost:
      BecomeFollower(term_, PeerId(0));
      return;
    case VoteResult::kWon:
      break;
  }
  if (pre_candidate != nullptr) {
    StartElection(Election::kNormal);
  } else {
    BecomeLeader();
    BroadcastAppend();
  }
}

EntryId Raft::KnownCommit() const {
  if (!config_.commit_by_vote) return {};
  const Index index = log_.committed();
  return {log_.TermAt(index).value_or(Term(0)), index};
}

void Raft::CommitByVote(const Message& message) {
  EntryId commit;
  if (const auto* request = std::get_if<VoteRequest>(&message.body)) commit = request->commit;
  if (const auto* response = std::get_if<VoteResponse>(&message.body)) commit = response->commit;
  // What holds a committed entry is equal to the committed log up to there (log matching), whatever
  // the terms of the two nodes are.
  if (!config_.commit_by_vote || commit.index <= log_.committed() || !log_.Matches(commit)) return;
  log_.CommitTo(commit.index);
  // With a change of membership among what is committed now, the election would ask the wrong
  // voters: wait until it is applied.
  const bool campaigning = std::holds_alternative<CandidateRole>(role_) ||
                           std::holds_alternative<PreCandidateRole>(role_);
  if (campaigning && !MayCampaign()) BecomeFollower(term_, PeerId(0));
}

// --- Transfer of leadership ---------------------------------------------------------------------

void Raft::OnTimeoutNow() {
  // No pre-vote: the leader itself asks, so nobody is deposed by mistake.
  if (AsFollower() != nullptr) StartElection(Election::kTransfer);
}

void Raft::TransferLeadership(PeerId target) {
  if (FollowerRole* follower = AsFollower(); follower != nullptr) {
    if (follower->leader != PeerId(0)) Send(follower->leader, TransferLeaderRequest{target});
    return;
  }
  if (std::holds_alternative<LeaderRole>(role_)) OnTransferLeader(target);
}

void Raft::OnTransferLeader(PeerId target) {
  LeaderRole& leader = AsLeader();
  const Progress* progress = leader.tracker.Find(target);
  if (progress == nullptr || IsLearner(conf_, target)) return;
  if (leader.transferee == target) return;
  leader.transferee = PeerId(0);
  if (target == id()) return;
  // It must succeed within an election timeout from now.
  election_elapsed_ticks_ = 0;
  leader.transferee = target;
  if (progress->match() == log_.last_index()) {
    SendTimeoutNow(target);
  } else {
    MaybeSendAppend(target, /*even_empty=*/true);
  }
}

void Raft::SendTimeoutNow(PeerId target) {
  AsLeader().leases_given_up = true;
  Send(target, TimeoutNow{});
}

void Raft::ForgetLeader() {
  FollowerRole* follower = AsFollower();
  // With lease-based reads the leader counts on our memory.
  if (follower == nullptr || config_.lease_based_reads || follower->leader == PeerId(0)) return;
  SetRole(FollowerRole{});
}

}  // namespace flotilla::raft
