// The algorithm itself, behind RawNode: one node's state and how messages and ticks change it. What
// is to be sent, written or told piles up here until RawNode makes a Ready of it.
//
// raft.cc holds terms, ticks and changes of role; raft_election.cc votes; raft_replication.cc
// appends, heartbeats and snapshots; raft_membership.cc proposals and changes of membership;
// raft_read.cc linearizable reads.
#ifndef FLOTILLA_COMMON_RAFT_RAFT_H_
#define FLOTILLA_COMMON_RAFT_RAFT_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/raft/conf_change.h"
#include "common/raft/membership.h"
#include "common/raft/raft_log.h"
#include "common/raft/raw_node.h"
#include "common/raft/role.h"
#include "common/raft/types.h"

namespace flotilla::raft {

// What waits for the next Ready. Its order is the order in which it arose.
struct Outbox {
  std::vector<Message> messages;
  // Promises that must not leave before what they promise is durable: votes and answers to appends.
  // Those to the node itself come back when that is so, and count only then.
  std::vector<Message> after_persist;
  std::vector<ReadState> reads;
  std::vector<ReadId> dropped_reads;
};

class Raft {
 public:
  // REQUIRES: a valid config, and a state that RawNode::Create has checked.
  Raft(const Config& config, const HardState& hard_state, const ConfState& conf_state,
       Index applied, LogReader* reader);

  // --- Inputs; contracts as in RawNode ---
  void Tick();
  absl::Status Step(Message message);
  void Campaign();
  absl::Status Propose(std::vector<Entry> entries);
  absl::Status ReadIndex(ReadId read_id);
  void TransferLeadership(PeerId target);
  void ForgetLeader();
  void TellCommit();
  void SendPostponed();
  void ReportUnreachable(PeerId peer);
  void ReportSnapshot(PeerId peer, bool succeeded);
  void OnPersisted(const PersistToken& token);
  void OnApplied(Index index);
  ConfState ApplyConfChange(const ConfChange& change, Index index);
  void SetRandomizedElectionTimeout(uint32_t ticks) { randomized_timeout_ticks_ = ticks; }

  // --- Outputs ---
  RaftLog& log() { return log_; }
  const RaftLog& log() const { return log_; }
  Outbox& outbox() { return outbox_; }
  const Outbox& outbox() const { return outbox_; }

  // --- Views ---
  PeerId id() const { return config_.id; }
  Term term() const { return term_; }
  Role role() const;
  PeerId leader() const;
  HardState hard_state() const { return {term_, vote_, log_.committed()}; }
  SoftState soft_state() const { return {leader(), role()}; }
  const ConfState& conf_state() const { return conf_; }
  const LeaderRole* leader_role() const { return std::get_if<LeaderRole>(&role_); }
  bool CommittedInOwnTerm() const;
  uint64_t QuorumHeartbeatRound() const;

 private:
  enum class Election : uint8_t { kPreVote, kNormal, kTransfer };

  // --- raft.cc: terms, ticks, roles ---
  LeaderRole& AsLeader() { return std::get<LeaderRole>(role_); }
  FollowerRole* AsFollower() { return std::get_if<FollowerRole>(&role_); }
  void TickElection();
  void TickHeartbeat();
  // False: the message has been dealt with, by its term alone.
  bool AcceptTerm(const Message& message);
  void AnswerOldTerm(const Message& message);
  void BecomeFollower(Term term, PeerId leader);
  void BecomePreCandidate();
  void BecomeCandidate();
  void BecomeLeader();
  void ResetFor(Term term);
  void SetRole(RoleState role);
  // A leader of this term speaks.
  void FollowLeader(PeerId leader);
  void Send(PeerId to, MessageBody body);
  void SendAt(Term term, PeerId to, MessageBody body);
  void SendAfterPersist(Term term, PeerId to, MessageBody body);

  // --- raft_election.cc ---
  // May votes be asked for? A member that votes, with no snapshot under way and no change of
  // membership that is committed and not applied.
  bool MayCampaign() const;
  void StartElection(Election election);
  bool IgnoresVoteRequests() const;
  void OnVoteRequest(const Message& message, const VoteRequest& request);
  // `other`, whose log ends at `last`, was granted a pre-vote.
  void YieldPreVote(PeerId other, EntryId last);
  void OnVoteResponse(const Message& message, const VoteResponse& response);
  // The sender of a vote message told what is committed.
  void CommitByVote(const Message& message);
  EntryId KnownCommit() const;
  void OnTimeoutNow();
  void OnTransferLeader(PeerId target);
  void SendTimeoutNow(PeerId target);

  // --- raft_replication.cc ---
  void AppendOwn(std::vector<Entry> entries);
  void BroadcastAppend();
  // Returns whether a message was sent.
  bool MaybeSendAppend(PeerId to, bool even_empty);
  bool MaybeSendSnapshot(PeerId to, Progress& progress);
  void BroadcastHeartbeat();
  bool MaybeCommit();
  void OnAppendRequest(PeerId from, AppendRequest request);
  void OnHeartbeat(PeerId from, const Heartbeat& heartbeat);
  void OnInstallSnapshot(PeerId from, const InstallSnapshot& install);
  bool Restore(const Snapshot& snapshot);
  void OnAppendResponse(PeerId from, const AppendResponse& response);
  void OnAppendRejection(PeerId from, const AppendRejection& rejection);
  void OnHeartbeatResponse(PeerId from, const HeartbeatResponse& response);

  // --- raft_membership.cc ---
  absl::Status ProposeAsLeader(std::vector<Entry> entries);
  absl::Status OnForwardedProposal(ForwardedProposal proposal);
  // Why the change may not be proposed now; empty: it may.
  std::string_view RefusalOf(const ConfChange& change) const;
  void LeaveJointIfDue();
  void SwitchTo(const MembershipChange& change);

  // --- raft_read.cc ---
  void ReadAsLeader(PeerId from, ReadId read_id);
  void ProveRead(PeerId from, ReadId read_id);
  void AnswerRead(PeerId from, ReadId read_id, Index index);
  void ReleasePostponedReads();
  void ReleaseProvenReads();
  void OnReadIndexResponse(const ReadIndexResponse& response);
  void ExpireForwardedReads();
  void DropReadsOf(const RoleState& role);

  const Config config_;
  Term term_;
  PeerId vote_;
  ConfState conf_;
  Index conf_restored_at_;  // Changes up to here are in conf_ already.
  RaftLog log_;
  RoleState role_;
  Outbox outbox_;

  uint64_t ticks_ = 0;  // Since creation.
  // Ticks since the leader was heard of, a vote was granted, or (on a leader) the quorum was
  // checked.
  uint32_t election_elapsed_ticks_ = 0;
  uint32_t randomized_timeout_ticks_ = 0;
  // Until this tick requests for votes are ignored (Config::vote_hold_off_ticks).
  uint64_t hold_off_until_tick_;
  uint64_t random_state_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_RAFT_H_
