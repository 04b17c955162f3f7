// Linearizable reads without writing to the log (thesis 6.4).
#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/planted_bugs.h"
#include "common/raft/raft.h"

namespace flotilla::raft {

absl::Status Raft::ReadIndex(ReadId read_id) {
  if (std::holds_alternative<LeaderRole>(role_)) {
    ReadAsLeader(id(), read_id);
    return absl::OkStatus();
  }
  FollowerRole* follower = AsFollower();
  if (follower == nullptr || follower->leader == PeerId(0)) {
    return absl::FailedPreconditionError("no leader is known");
  }
  follower->reads.push_back({read_id, ticks_});
  SendAt(Term(0), follower->leader, ReadIndexRequest{read_id});
  return absl::OkStatus();
}

bool Raft::CommittedInOwnTerm() const {
  return log_.TermAt(log_.committed()) == term_ || Planted(Bug::kReadWithoutOwnTerm);
}

void Raft::ReadAsLeader(PeerId from, ReadId read_id) {
  // As if the request had been lost: who asked hears nothing, or that it was dropped, and asks
  // again.
  if (AsLeader().reads.IsFull()) {
    if (from == id()) outbox_.dropped_reads.push_back(read_id);
    return;
  }
  // Thesis 6.4, step 1: a new leader does not know yet what is committed, until an entry of its own
  // term is.
  if (!CommittedInOwnTerm()) {
    AsLeader().reads.Postpone(from, read_id);
    return;
  }
  ProveRead(from, read_id);
}

void Raft::ProveRead(PeerId from, ReadId read_id) {
  const Index index = log_.committed();
  if (config_.lease_based_reads || Planted(Bug::kReadWithoutQuorum)) {
    AnswerRead(from, read_id, index);
    return;
  }
  // Steps 2 and 3: remember the commit index, and make sure that nobody else leads.
  LeaderRole& leader = AsLeader();
  leader.reads.Add({from, read_id, index, leader.heartbeat_round + 1});
  BroadcastHeartbeat();
}

void Raft::AnswerRead(PeerId from, ReadId read_id, Index index) {
  if (from == id()) {
    outbox_.reads.push_back({read_id, index});
  } else {
    Send(from, ReadIndexResponse{.read_id = read_id, .index = index});
  }
}

void Raft::ReleasePostponedReads() {
  if (!CommittedInOwnTerm()) return;
  for (const PendingRead& read : AsLeader().reads.TakePostponed()) {
    ProveRead(read.from, read.read_id);
  }
}

uint64_t Raft::QuorumHeartbeatRound() const {
  const LeaderRole* leader = leader_role();
  if (leader == nullptr || leader->leases_given_up) return 0;
  return leader->tracker.QuorumRound(conf_, leader->heartbeat_round);
}

void Raft::ReleaseProvenReads() {
  LeaderRole& leader = AsLeader();
  const uint64_t round = leader.tracker.QuorumRound(conf_, leader.heartbeat_round);
  for (const PendingRead& read : leader.reads.TakeProven(round)) {
    AnswerRead(read.from, read.read_id, read.index);
  }
}

void Raft::OnReadIndexResponse(const ReadIndexResponse& response) {
  FollowerRole* follower = AsFollower();
  if (follower == nullptr) return;
  auto read =
      std::find_if(follower->reads.begin(), follower->reads.end(),
                   [&response](const ForwardedRead& r) { return r.read_id == response.read_id; });
  // Not there: it was reported as dropped.
  if (read == follower->reads.end()) return;
  follower->reads.erase(read);
  outbox_.reads.push_back({response.read_id, response.index});
}

void Raft::ExpireForwardedReads() {
  FollowerRole* follower = AsFollower();
  if (follower == nullptr) return;
  // The request or its answer was lost.
  while (!follower->reads.empty() &&
         follower->reads.front().asked_at_tick + config_.election_timeout_ticks <= ticks_) {
    outbox_.dropped_reads.push_back(follower->reads.front().read_id);
    follower->reads.pop_front();
  }
}

void Raft::DropReadsOf(const RoleState& role) {
  std::vector<ReadId>& dropped = outbox_.dropped_reads;
  if (const auto* leader = std::get_if<LeaderRole>(&role); leader != nullptr) {
    // Those of other peers are told by their own change of leader.
    const std::vector<ReadId> own = leader->reads.WaitingOf(id());
    dropped.insert(dropped.end(), own.begin(), own.end());
  } else if (const auto* follower = std::get_if<FollowerRole>(&role); follower != nullptr) {
    for (const ForwardedRead& read : follower->reads) dropped.push_back(read.read_id);
  }
}

}  // namespace flotilla::raft
