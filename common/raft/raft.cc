#include "common/raft/raft.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/base/check.h"
#include "common/base/planted_bugs.h"

namespace flotilla::raft {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

template <typename T>
bool Is(const Message& message) {
  return std::holds_alternative<T>(message.body);
}

bool IsFromLeader(const Message& message) {
  return Is<AppendRequest>(message) || Is<Heartbeat>(message) || Is<InstallSnapshot>(message);
}

// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to spread election timeouts.
uint64_t NextRandom(uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Raft::Raft(const Config& config, const HardState& hard_state, const ConfState& conf_state,
           Index applied, LogReader* reader)
    : config_(config),
      term_(hard_state.term),
      vote_(hard_state.vote),
      conf_(conf_state),
      conf_restored_at_(applied),
      log_(reader, hard_state.commit, applied, config.max_unapplied_bytes,
           !config.async_storage_writes),
      hold_off_until_tick_(Planted(Bug::kVoteAfterRestart) ? 0 : config.vote_hold_off_ticks),
      random_state_(config.random_seed) {
  BecomeFollower(term_, PeerId(0));
}

Role Raft::role() const {
  return std::visit(Overloaded{[](const FollowerRole&) { return Role::kFollower; },
                               [](const PreCandidateRole&) { return Role::kPreCandidate; },
                               [](const CandidateRole&) { return Role::kCandidate; },
                               [](const LeaderRole&) { return Role::kLeader; }},
                    role_);
}

PeerId Raft::leader() const {
  if (const auto* follower = std::get_if<FollowerRole>(&role_)) return follower->leader;
  return std::holds_alternative<LeaderRole>(role_) ? config_.id : PeerId(0);
}

// --- Ticks --------------------------------------------------------------------------------------

void Raft::Tick() {
  ++ticks_;
  ExpireForwardedReads();
  if (std::holds_alternative<LeaderRole>(role_)) {
    TickHeartbeat();
  } else {
    TickElection();
  }
}

void Raft::TickElection() {
  ++election_elapsed_ticks_;
  const bool promotable = IsVoter(conf_, id()) && !log_.unstable().snapshot().has_value();
  if (!promotable || election_elapsed_ticks_ < randomized_timeout_ticks_) return;
  election_elapsed_ticks_ = 0;
  Campaign();
}

void Raft::TickHeartbeat() {
  ++AsLeader().heartbeat_elapsed;
  ++election_elapsed_ticks_;
  if (election_elapsed_ticks_ >= config_.election_timeout_ticks) {
    election_elapsed_ticks_ = 0;
    if (config_.check_quorum && !AsLeader().tracker.QuorumActive(conf_)) {
      BecomeFollower(term_, PeerId(0));
      return;
    }
    if (config_.check_quorum) AsLeader().tracker.MarkInactive();
    // A transfer that took so long has failed: take proposals again.
    if (AsLeader().transferee != PeerId(0)) {
      AsLeader().transferee = PeerId(0);
      LeaveJointIfDue();
    }
  }
  if (AsLeader().heartbeat_elapsed < config_.heartbeat_ticks) return;
  AsLeader().heartbeat_elapsed = 0;
  BroadcastHeartbeat();
}

// --- Roles --------------------------------------------------------------------------------------

void Raft::SetRole(RoleState role) {
  DropReadsOf(role_);
  role_ = std::move(role);
}

void Raft::ResetFor(Term term) {
  CHECK_GE(term, term_) << "a term may not go back";
  if (term_ != term) {
    term_ = term;
    vote_ = PeerId(0);
  }
  election_elapsed_ticks_ = 0;
  // Thesis 3.4: drawn anew each time, so that split votes do not repeat themselves.
  const uint32_t timeout = config_.election_timeout_ticks;
  randomized_timeout_ticks_ = timeout + static_cast<uint32_t>(NextRandom(random_state_) % timeout);
}

void Raft::BecomeFollower(Term term, PeerId leader) {
  ResetFor(term);
  SetRole(FollowerRole{.leader = leader, .reads = {}});
}

void Raft::BecomePreCandidate() {
  CHECK(!std::holds_alternative<LeaderRole>(role_));
  // Neither term nor vote changes, and the election timer goes on: nothing has happened yet.
  SetRole(PreCandidateRole{});
}

void Raft::BecomeCandidate() {
  CHECK(!std::holds_alternative<LeaderRole>(role_));
  ResetFor(term_ + 1);
  vote_ = id();
  SetRole(CandidateRole{});
}

void Raft::BecomeLeader() {
  CHECK(std::holds_alternative<CandidateRole>(role_));
  ResetFor(term_);
  SetRole(LeaderRole(Tracker(config_, conf_, log_.last_index())));
  // There may be a change of membership somewhere in the tail: until the tail is applied, no other
  // one may be proposed.
  AsLeader().pending_conf_index = log_.last_index();
  // Entries of earlier terms commit only together with one of this term (thesis 3.6.2).
  AppendOwn({Entry{}});
}

void Raft::FollowLeader(PeerId leader) {
  if (FollowerRole* follower = AsFollower(); follower != nullptr) {
    election_elapsed_ticks_ = 0;
    follower->leader = leader;
  } else {
    BecomeFollower(term_, leader);
  }
  if (config_.vote_hold_off_ticks > 0) hold_off_until_tick_ = ticks_ + config_.vote_hold_off_ticks;
}

// --- Messages -----------------------------------------------------------------------------------

void Raft::Send(PeerId to, MessageBody body) { SendAt(term_, to, std::move(body)); }

void Raft::SendAt(Term term, PeerId to, MessageBody body) {
  CHECK_NE(to, id());
  outbox_.messages.push_back({.from = id(), .to = to, .term = term, .body = std::move(body)});
}

void Raft::SendAfterPersist(Term term, PeerId to, MessageBody body) {
  outbox_.after_persist.push_back({.from = id(), .to = to, .term = term, .body = std::move(body)});
}

bool Raft::AcceptTerm(const Message& message) {
  CommitByVote(message);
  if (message.term == Term(0) || message.term == term_) return true;
  if (message.term < term_) {
    AnswerOldTerm(message);
    return false;
  }
  if (const auto* vote = std::get_if<VoteRequest>(&message.body)) {
    // Thesis 4.2.3 and 6.4.1: who has a leader does not help to depose it, save when that leader
    // asked for it.
    if (!vote->leadership_transfer && IgnoresVoteRequests()) return false;
    if (vote->pre_vote) return true;
  }
  if (const auto* vote = std::get_if<VoteResponse>(&message.body)) {
    // A granted pre-vote carries the term that we would campaign in. A refused one carries the
    // refuser's own.
    if (vote->pre_vote && !vote->rejected) return true;
  }
  BecomeFollower(message.term, IsFromLeader(message) ? message.from : PeerId(0));
  return true;
}

// Thesis 3.3: a request of an old term is refused, and its sender learns the term. Nothing else may
// ever tell it:
//  1. {3} becomes {5} by way of a joint state: 3 leads until it is a learner, and knows that the
//     change is committed. 5 does not, and needs the vote of 3.
//  2. 1 was removed long ago and has not heard of it: it campaigns again and again, among those
//     that it knows, of whom 3 is one and 5 is not.
//  3. 5 campaigns as often, in terms that are old for 3.
// A leader, too, may be unknown to whoever raises the terms of its voters.
void Raft::AnswerOldTerm(const Message& message) {
  const bool always = config_.answer_old_terms;
  if (Is<AppendRequest>(message) || Is<Heartbeat>(message)) {
    if (!always && !config_.check_quorum && !config_.pre_vote) return;
    SendAfterPersist(term_, message.from, AppendResponse{});
  } else if (const auto* vote = std::get_if<VoteRequest>(&message.body)) {
    if (!always && !vote->pre_vote) return;
    SendAfterPersist(
        term_, message.from,
        VoteResponse{.pre_vote = vote->pre_vote, .rejected = true, .commit = KnownCommit()});
  }
}

absl::Status Raft::Step(Message message) {
  if (!AcceptTerm(message)) return absl::OkStatus();
  const PeerId from = message.from;
  const bool leading = std::holds_alternative<LeaderRole>(role_);
  if (IsFromLeader(message)) {
    // Nobody else leads the term that we lead (thesis 3.4): this is not from a leader.
    if (leading) return absl::OkStatus();
    FollowLeader(from);
  }
  absl::Status status;
  std::visit(Overloaded{
                 [&](VoteRequest& m) { OnVoteRequest(message, m); },
                 [&](VoteResponse& m) { OnVoteResponse(message, m); },
                 [&](AppendRequest& m) { OnAppendRequest(from, std::move(m)); },
                 [&](AppendResponse& m) { OnAppendResponse(from, m); },
                 [&](AppendRejection& m) { OnAppendRejection(from, m); },
                 [&](Heartbeat& m) { OnHeartbeat(from, m); },
                 [&](HeartbeatResponse& m) { OnHeartbeatResponse(from, m); },
                 [&](InstallSnapshot& m) { OnInstallSnapshot(from, m); },
                 [&](TimeoutNow&) { OnTimeoutNow(); },
                 [&](TransferLeaderRequest& m) { TransferLeadership(m.target); },
                 [&](ForwardedProposal& m) { status = OnForwardedProposal(std::move(m)); },
                 [&](ReadIndexRequest& m) {
                   if (leading) ReadAsLeader(from, m.read_id);
                 },
                 [&](ReadIndexResponse& m) { OnReadIndexResponse(m); },
             },
             message.body);
  return status;
}

// --- Completions --------------------------------------------------------------------------------

void Raft::OnPersisted(const PersistToken& token) {
  CHECK_LE(token.term, term_);
  // A token of an older term says nothing about the tail any more: see the story in raw_node.cc.
  if (token.term == term_ && token.last.index != Index(0)) log_.StableTo(token.last);
  // A snapshot is committed state, whatever the term in which it was written.
  if (token.snapshot.has_value()) {
    log_.SnapshotStable(*token.snapshot);
    OnApplied(*token.snapshot);
  }
}

void Raft::OnApplied(Index index) {
  const uint64_t bytes = log_.AppliedTo(index);
  LeaveJointIfDue();
  if (auto* leader = std::get_if<LeaderRole>(&role_); leader != nullptr) {
    leader->uncommitted_bytes -= std::min(leader->uncommitted_bytes, bytes);
  }
}

}  // namespace flotilla::raft
