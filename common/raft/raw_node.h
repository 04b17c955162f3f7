// The public face of the Raft core: a pure state machine. Messages, ticks and proposals go in; a
// Ready comes out; no clock, thread, file or network inside. The same calls give the same Readys.
//
// Thread: one owner. Nothing here blocks.
#ifndef FLOTILLA_COMMON_RAFT_RAW_NODE_H_
#define FLOTILLA_COMMON_RAFT_RAW_NODE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/raft/conf_change.h"
#include "common/raft/log_reader.h"
#include "common/raft/message.h"
#include "common/raft/ready.h"
#include "common/raft/types.h"

namespace flotilla::raft {

inline constexpr uint64_t kNoLimit = UINT64_MAX;

struct Config {
  PeerId id;
  // A follower that hears nothing for a random time in [election, 2 * election) ticks campaigns.
  uint32_t election_timeout_ticks = 10;
  // Must be less than the election timeout.
  uint32_t heartbeat_ticks = 1;
  // Draws the randomized election timeouts.
  uint64_t random_seed = 0;

  // Thesis 9.6: a candidate first asks whether it could win, so that a node that was cut off does
  // not depose a leader when it comes back.
  bool pre_vote = true;
  // Of two pre-candidates that meet, the one with the older log, or of equal logs the lower id,
  // gives up: both would get the other's pre-vote, then vote for themselves, and a group of three
  // whose leader died would wait for a second election timeout. False only in scenario scripts.
  bool yield_pre_votes = true;
  // Thesis 6.2: a leader that hears from no quorum for an election timeout steps down, and
  // followers that hear from a leader ignore votes. Leases depend on it.
  bool check_quorum = true;

  // Bytes of entries in one append message, at least one entry.
  uint64_t max_append_bytes = 1 << 20;
  // Append messages, and their bytes, on the way to one follower.
  uint32_t max_inflight_messages = 256;
  uint64_t max_inflight_bytes = kNoLimit;
  // Bytes of proposed entries that are not committed yet; beyond it proposals are refused.
  uint64_t max_uncommitted_bytes = kNoLimit;
  // Bytes of committed entries handed out and not applied yet.
  uint64_t max_unapplied_bytes = kNoLimit;

  // Requests for votes wait until the term and the log that they speak of are durable; otherwise
  // they leave at once. Without it a candidate that crashes may forget both, campaign in the same
  // term with a shorter log, and win by votes that were given for the longer one (docs/raft.md).
  // False only in scenario scripts.
  bool durable_vote_requests = true;

  // Candidates and voters tell each other what is committed. A leader that has just removed or
  // demoted itself may be the only one who knows that; its followers then need its vote, and it
  // refuses them because its log is longer, for ever. False only in scenario scripts.
  bool commit_by_vote = true;

  // Thesis 3.3: whoever asks in an old term is told the term, also for a vote. A candidate may need
  // the vote of one who knows a newer term and whom nobody else lets it hear of. False only in
  // scenario scripts: requests for votes in old terms are passed over there, and those of leaders
  // answered with check_quorum or pre_vote only.
  bool answer_old_terms = true;

  // False: committed entries may be handed out in the Ready that also persists them, because the
  // host persists before it applies. True: only entries already reported durable are handed out.
  bool async_storage_writes = true;
  // Followers pass proposals on to their leader; otherwise FailedPrecondition.
  bool forward_proposals = false;
  bool step_down_on_removal = true;
  // Refuse to propose a conf change while another one is pending, or one that does not fit. False:
  // the host serializes and checks them itself; one that does not fit must not be applied.
  bool validate_conf_changes = true;
  // What becomes of a conf change that is refused. False: FailedPrecondition. True: an empty entry
  // is proposed in its place, with success (the form of tests/raft's scenario scripts).
  bool blank_refused_conf_changes = false;
  // Answer ReadIndex from the leader's lease instead of a round of heartbeats. Trusts the ticks of
  // all members; hosts that measure time use QuorumHeartbeatRound() instead.
  bool lease_based_reads = false;
  // A leader tells a new commit index at once, by empty appends if there is nothing else to send.
  // Otherwise followers learn it from the next append or heartbeat: fewer messages.
  bool tell_commits_at_once = true;
  // For so many ticks after its creation, and after it heard from a leader, the node ignores
  // requests for votes, save those of a leadership transfer: before its restart, or before its term
  // moved on, it may have acknowledged a leader that holds a lease. Leases by real time need it to
  // be the election timeout, which it may not exceed; 0: only a known leader holds votes off.
  uint32_t vote_hold_off_ticks = 0;

  absl::Status Validate() const;
};

enum class ProgressState : uint8_t { kProbe, kReplicate, kSnapshot };

// A leader's view of one peer.
struct PeerProgress {
  Index match;
  Index next;
  ProgressState state = ProgressState::kProbe;
  bool recently_active = false;
  bool is_learner = false;
  Index pending_snapshot;  // Only in kSnapshot.
  uint32_t inflight_messages = 0;
};

struct NodeStatus {
  PeerId id;
  HardState hard_state;
  SoftState soft_state;
  Index applied;
  Index last_index;
  ConfState conf_state;
  PeerId lead_transferee;                   // 0: none.
  std::map<PeerId, PeerProgress> progress;  // On leaders only.
};

class Raft;

class RawNode {
 public:
  // `log` must outlive the node. `conf_state` is the configuration as of `applied`, the last entry
  // that the tenant has durably applied. What is applied counts as committed, even if the hard
  // state lags. InvalidArgument for a bad config or configuration; DataLoss when the log is shorter
  // than what was committed or applied.
  static absl::StatusOr<std::unique_ptr<RawNode>> Create(const Config& config,
                                                         const HardState& hard_state,
                                                         const ConfState& conf_state, Index applied,
                                                         LogReader* log);
  ~RawNode();

  // --- Inputs -----------------------------------------------------------------------------------
  // One unit of time went by.
  void Tick();
  // A message from another peer, or one of this node's own that waited for its write.
  // NotFound: an answer of a peer that is not a member, and of no use (this node's own too, after
  // its removal). For forwarded proposals the errors of Propose. All of them may be ignored.
  absl::Status Step(Message message);
  // As if the election timeout had fired. Nothing happens on a leader, on who may not vote, or
  // while a committed conf change is not applied. A node that has acknowledged a leader's heartbeat
  // within the last election timeout breaks that leader's lease by campaigning: hosts with leases
  // call it only where no leader was.
  absl::Status Campaign();

  // FailedPrecondition: not leader (and not forwarding). Unavailable: leadership is being
  // transferred. ResourceExhausted: too many bytes are uncommitted. On success the entries were
  // appended to this leader's log at (term, last_index] and will commit or be overwritten.
  absl::Status Propose(std::vector<Bytes> payloads);
  // FailedPrecondition also while another change may be pending (so it is at the beginning of a
  // leader's term until all that it found in its log is applied), or when the change does not fit
  // the present configuration.
  absl::Status ProposeConfChange(const ConfChange& change);
  // Asks for an index at which a read is linearizable; it comes back in Ready::reads or
  // Ready::dropped_reads (step-down; on followers also when the leader does not answer within an
  // election timeout). FailedPrecondition: no leader is known.
  absl::Status ReadIndex(ReadId read_id);
  // Moves leadership to `target` (thesis 3.10); given up after an election timeout.
  void TransferLeadership(PeerId target);
  // A follower that knows that its leader is gone need not wait for the timeout to help to elect
  // another one. Not on leaders, nor with lease_based_reads.
  void ForgetLeader();
  // Leader: sends every follower an append, empty if there is nothing new, which tells the commit
  // index. Only needed without Config::tell_commits_at_once, for a follower that should not wait.
  void TellCommit();
  // Leader: sends what its LogReader did not want to be read before (MayReadForFollower).
  void SendPostponed();
  // The last messages to `peer` were probably lost.
  void ReportUnreachable(PeerId peer);
  // A snapshot sent to `peer` arrived or failed.
  void ReportSnapshot(PeerId peer, bool succeeded);

  // --- Outputs ----------------------------------------------------------------------------------
  bool HasReady() const;
  // Takes all there is to do. REQUIRES: HasReady().
  Ready TakeReady();
  // The append of a Ready is durable, and so are those of all Readys before it. Its `messages` to
  // the node itself are stepped by the host, before or after. A snapshot counts as applied with it:
  // what is committed after it is handed out from now on.
  void OnPersisted(const PersistToken& token);
  // Committed entries up to `index` are applied. May go back: nothing happens then.
  void OnApplied(Index index);
  // A committed ConfChange at `index` is applied: call for each, before OnApplied of its index.
  // Returns the new configuration. A change that does not fit is a programmer error. One that a
  // snapshot has overtaken, which came while it was being applied, changes nothing: the
  // configuration is the snapshot's already.
  ConfState ApplyConfChange(const ConfChange& change, Index index);

  // --- Views ------------------------------------------------------------------------------------
  NodeStatus Status() const;
  Term term() const;
  Role role() const;
  PeerId leader() const;
  PeerId lead_transferee() const;
  Index last_index() const;
  Index commit() const;
  Term TermAt(Index index) const;  // 0 when unknown.
  // True once this leader has committed an entry of its own term: its commit index is current.
  bool CommittedInOwnTerm() const;
  const ConfState& conf_state() const;

  // Leases by real time (thesis 6.4.1). Every broadcast of heartbeats has a number, which the
  // followers echo. HeartbeatRound() is the number of the last broadcast in this term (0: none);
  // QuorumHeartbeatRound() the newest one that a quorum of each half, this node included, has
  // answered. A host that noted the clock *before* a round began holds the lease for less than an
  // election timeout from then on. Both are reset by a change of term. The latter is 0 for the rest
  // of a term in which this leader has told a peer to start an election (TransferLeadership), even
  // if the transfer was given up: that message may still arrive. Expire a lease when starting one.
  uint64_t HeartbeatRound() const;
  uint64_t QuorumHeartbeatRound() const;

  // Replaces the randomized election timeout until it is drawn anew (with the next change of role
  // or term). For scenario scripts.
  void SetRandomizedElectionTimeout(uint32_t ticks);

 private:
  explicit RawNode(std::unique_ptr<Raft> raft);

  std::unique_ptr<Raft> raft_;
  // As of the last Ready.
  SoftState told_soft_state_;
  HardState told_hard_state_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_RAW_NODE_H_
