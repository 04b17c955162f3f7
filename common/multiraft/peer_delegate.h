// The tenant's side of a group on the raft worker: what it is asked before, and told after.
//
// A PeerDelegate belongs to one group; all calls come from that group's RaftWorker thread, must not
// block and must not throw.
#ifndef FLOTILLA_COMMON_MULTIRAFT_PEER_DELEGATE_H_
#define FLOTILLA_COMMON_MULTIRAFT_PEER_DELEGATE_H_

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/multiraft/proposal.h"
#include "common/multiraft/state_machine.h"
#include "common/net/envelope.h"
#include "common/raft/raw_node.h"

namespace flotilla::multiraft {

// What a delegate may ask of its own peer, from within its callbacks.
class PeerHandle {
 public:
  virtual ~PeerHandle() = default;
  virtual const raft::RawNode& node() const = 0;
  virtual Index applied() const = 0;
  virtual void Propose(Proposal proposal) = 0;
  virtual void Campaign() = 0;
  virtual void TransferLeadership(PeerId target) = 0;
  // Makes the records (LogChange::records) of this group durable, then runs `done` on the log
  // writer's thread.
  virtual void PutRecords(std::vector<std::pair<std::string, std::string>> records,
                          absl::AnyInvocable<void() &&> done) = 0;
};

class PeerDelegate {
 public:
  virtual ~PeerDelegate() = default;

  // Once, before anything else. `handle` lives as long as the group.
  virtual void OnStart(PeerHandle* handle) = 0;

  // May the proposal be appended now? Called on the leader, in order of arrival. No side effect.
  virtual absl::Status CheckProposal(const Proposal& proposal) = 0;
  // The error of a request to a peer that is not the leader; `leader` is 0 when unknown.
  virtual absl::Status NotLeader(PeerId leader) const = 0;

  // May an incoming message be stepped? False drops it (stale epoch, foreign peer). It may be used
  // to learn from it.
  virtual bool AcceptMessage(const net::Envelope& envelope) = 0;
  // Fills in to_store, epoch and context of an outgoing message. False: the receiver's store is not
  // known; the message is dropped.
  virtual bool AddressMessage(net::Envelope& envelope) = 0;

  // A snapshot at `min_index` or later for `to`; Unavailable while it is being made.
  virtual absl::StatusOr<raft::Snapshot> SnapshotFor(PeerId to, Index min_index) = 0;
  // Sends a message that carries a snapshot. The delegate reports the outcome through
  // Host::ReportSnapshot. False: send it like any other message.
  virtual bool SendSnapshot(net::Envelope& envelope) = 0;
  // May the snapshot of an incoming message be installed (files complete, no overlap)? Called
  // before it is stepped.
  virtual absl::Status CheckSnapshot(const raft::Snapshot& snapshot) = 0;
  // Records to write in the same batch that resets the log to the snapshot: what bootstrap needs to
  // finish the installation after a crash.
  virtual std::vector<std::pair<std::string, std::string>> SnapshotRecords(
      const raft::Snapshot& snapshot) = 0;

  // Is this a command that makes what a snapshot of its group does not bring, such as the children
  // of a split (see Peer::DeferCommit)? Asked of the first command of each committed entry: what
  // was proposed with Proposal::own_entry is that.
  virtual bool OutlivesSnapshots(std::string_view /*command*/) const { return false; }

  // The applied position that the data engine has flushed: the log may be truncated up to there.
  // The host asks when a log has grown (engine::KvEngine::GetFlushed of the tenant's applied
  // position).
  virtual Index FlushedApplied() const = 0;

  // The role, the term or the known leader changed.
  virtual void OnRoleChange(const raft::SoftState& state, Term term) = 0;
  // This peer leads `term`, and everything that was committed before its term is applied.
  virtual void OnLeaderReady(Term term) = 0;
  // An effect of an applied command, in log order and visible; also while the group is removed.
  virtual void OnApplied(std::unique_ptr<AppliedEffect> effect) = 0;
  virtual void OnConfChanged(const raft::ConfState& conf_state) = 0;
  // After each tick of the group.
  virtual void OnTick() = 0;
  // The group is removed from the host; no more calls.
  virtual void OnStop() = 0;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_PEER_DELEGATE_H_
