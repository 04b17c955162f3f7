// One replica of one group on its raft worker: the RawNode, its log, and everybody who waits for
// it.
//
// Thread: the raft worker that owns the group. Inputs only change the node; Advance, once a round,
// takes out what the node wants done.
//
// No replica applies an entry before its leader has: a leader tells others of commits only as far
// as it has applied them itself (Outgoing). Two stories that this prevents:
//  1. A put is committed. A follower hears of it, applies it, and serves a read of the new value.
//  2. The leader's apply worker is slower. A lease read there, begun after the follower's answer,
//     finds the old value.
// and
//  1. A split is committed. Two followers apply it; the child region on them elects a leader, which
//     acknowledges a write.
//  2. The parent's leader has not applied the split. By its lease it serves the old value of a key
//     that is the child's now.
#ifndef FLOTILLA_COMMON_MULTIRAFT_PEER_H_
#define FLOTILLA_COMMON_MULTIRAFT_PEER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/engine/kv_engine.h"
#include "common/multiraft/command_frame.h"
#include "common/multiraft/host.h"
#include "common/multiraft/host_metrics.h"
#include "common/multiraft/lease_keeper.h"
#include "common/multiraft/log_flusher.h"
#include "common/multiraft/log_truncation.h"
#include "common/multiraft/proposal_queue.h"
#include "common/multiraft/read_queue.h"
#include "common/multiraft/round.h"
#include "common/raft/raw_node.h"
#include "common/raftlog/entry_cache.h"
#include "common/raftlog/group_log.h"
#include "common/raftlog/log_engine.h"
#include "common/raftlog/read_budget.h"

namespace flotilla::multiraft {

// What the peers of a worker share.
struct PeerEnvironment {
  const HostConfig* config = nullptr;
  const env::Clock* clock = nullptr;
  net::Transport* transport = nullptr;
  const Tenant* tenant = nullptr;
  const raftlog::LogEngine* log_engine = nullptr;
  LogFlusher* flusher = nullptr;
  raftlog::LogUsage* log_usage = nullptr;
  HostMetrics* metrics = nullptr;
  raftlog::EntryCache* entry_cache = nullptr;
  raftlog::ReadBudget* read_budget = nullptr;
  env::Random random{0};
  uint64_t next_read_id = 0;
  Incarnation last_incarnation;
  // Peers that have something to Advance, filled by Peer::Touch; null where one left meanwhile.
  std::vector<class Peer*> touched;
  Round round;
};

class Peer final : public PeerHandle {
 public:
  // Loads what the log engine knows and starts the node; hands the state machine to its apply
  // worker. `environment` must outlive the peer.
  Peer(GroupSpec spec, PeerEnvironment* environment);
  ~Peer() override;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  RegionId region_id() const { return region_id_; }
  Incarnation incarnation() const { return incarnation_; }
  PeerDelegate& delegate() { return *delegate_; }
  GroupStatus Status() const;

  // --- Inputs -----------------------------------------------------------------------------------
  void AddRead(ReadRequest read);
  // `overloaded`: too much waits to be applied; entries are dropped as if the network had.
  void Step(net::Envelope envelope, bool overloaded);
  void Tick();
  void OnPersisted(PersistedAppend append);
  void OnApplied(GroupApplied applied);
  absl::Status StartTransfer(PeerId target);
  void TruncateTo(Index index);
  // Forgets all entries that nobody needs.
  void TruncateBeforeFlush();
  // It is this group's turn to read its log for followers.
  void SendPostponed();
  void ReportSnapshot(PeerId to, bool succeeded);
  void ReportUnreachable(StoreId store_id);

  // The group is being removed: whoever waits is answered, and the node does nothing any more.
  void Retire();
  // What was under way to the state machine when the peer retired was applied all the same, and its
  // effects may be others' life (a split's children). REQUIRES: retired.
  void OnAppliedLate(GroupApplied applied);

  // PeerHandle.
  const raft::RawNode& node() const override { return *node_; }
  Index applied() const override { return applied_.index; }
  void Propose(Proposal proposal) override;
  void Campaign() override;
  void TransferLeadership(PeerId target) override { StartTransfer(target).IgnoreError(); }
  void PutRecords(LogRecords records, DurableCallback done) override;

  // --- Output -----------------------------------------------------------------------------------
  // Proposes and asks for what waits, then hands what the node wants done to the round.
  void Advance();

 private:
  struct Frame {
    Bytes payload;
    std::vector<ProposalWaiter> waiters;
  };

  void StartNode(const GroupSpec& spec);
  void Touch();

  // Proposals.
  void ProposeWaiting();
  absl::Status Check(const Proposal& proposal) const;
  void ProposeFrames(std::vector<Frame>& frames);
  void ProposeConfChange(Proposal proposal);
  absl::Status ProposalError(const absl::Status& status) const;

  // Reads.
  void StartReads();

  // Ready.
  void HandleReady(raft::Ready ready);
  void UpdateLease();
  void OnRoleMayHaveChanged();
  void DeferCommit(raft::LogAppend& append, bool worth_a_sync);
  bool OutlivesSnapshots(const std::vector<raft::Entry>& entries) const;
  // May a snapshot take the place of log and data?
  bool MayReplaceState();
  void HandleAppend(raft::LogAppend append);
  void HandleCommitted(std::vector<raft::Entry> entries);
  void Send(raft::Message message);
  bool Outgoing(raft::Message& message, net::Envelope& envelope);
  void TellOwedCommit();
  void HandOverBeforeLeavingJoint();
  void MaybeLeaderReady();

  // Log.
  void MaybeTruncate();
  // `kept_after`: what was applied later is kept as long as this peer follows.
  void Truncate(const TruncationLimits& limits, Index kept_after);
  void Truncate(Index index);
  TruncationLimits LimitsOf() const;
  ApplyRound& ApplyRoundOf();

  // Constant after construction.
  const RegionId region_id_;
  const PeerId peer_id_;
  const Incarnation incarnation_;
  PeerEnvironment* const env_;
  const std::unique_ptr<PeerDelegate> delegate_;

  LeaseKeeper lease_;
  std::unique_ptr<raftlog::GroupLog> log_;
  std::unique_ptr<raft::RawNode> node_;
  std::vector<Proposal> waiting_proposals_;
  std::vector<Proposal> proposing_;  // Empty but while they are proposed.
  ProposalQueue proposals_;
  ReadQueue reads_;

  raft::EntryId applied_;
  raft::SoftState soft_state_;
  Term term_;
  Term ready_term_;  // The last term for which OnLeaderReady was called.
  struct {
    uint32_t under_way = 0;  // Appends handed to the log writer and not durable yet.
    // As last written.
    Term term;
    PeerId vote;
    // Differs from what was written by its commit index only.
    std::optional<raft::HardState> deferred;
  } writes_;
  // Ticks since a leader was heard of; a peer that may have answered one lately must not campaign.
  uint32_t ticks_since_leader_ = 0;
  struct {
    env::Instant next;
    AppliedHistory applied;
    // A snapshot is on its way into log and state: the log must not be cut by its old positions.
    bool installing = false;
    // The last entry with an effect, which may have made what no snapshot brings.
    Index outlives{};
  } truncation_;
  // As leader.
  struct {
    // Followers should know that this index is committed before the next heartbeat: a read waits
    // for it there, or it holds more than data.
    Index owed;
    Index told;  // All were told that this index is committed.
  } commit_;
  bool touched_ = false;
  bool retired_ = false;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_PEER_H_
