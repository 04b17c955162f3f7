// What a tenant makes of a committed entry: the interface behind which regions and PD's metadata
// live.
//
// A StateMachine belongs to one group and is called by that group's ApplyWorker only. Apply is a
// pure function of (applied state, entry): it reads no clock, no configuration and no local flag,
// because every replica, and every replay after a crash, must come to the same state.
#ifndef FLOTILLA_COMMON_MULTIRAFT_STATE_MACHINE_H_
#define FLOTILLA_COMMON_MULTIRAFT_STATE_MACHINE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/engine/kv_engine.h"
#include "common/raft/conf_change.h"
#include "common/raft/types.h"

namespace flotilla::multiraft {

// Something that an applied command means for the rest of the process (a split made a new region).
// Carried from the apply worker to PeerDelegate::OnApplied once the command's writes are visible.
class AppliedEffect {
 public:
  virtual ~AppliedEffect() = default;
};

struct CommandResult {
  // Not OK: the command was refused (its epoch is stale, ...) and changed nothing. Refusals are
  // part of the pure function: every replica refuses alike.
  absl::Status status;
  std::string payload;                    // For the proposer's callback.
  std::unique_ptr<AppliedEffect> effect;  // May be null.
};

class ApplyContext {
 public:
  virtual ~ApplyContext() = default;
  // Position of the entry that is being applied.
  virtual raft::EntryId at() const = 0;
  // Shared by all groups of the apply worker; becomes visible together with the applied position.
  virtual engine::WriteBatch& batch() = 0;
  // Makes what the batch holds visible to reads of the engine, for commands that read before they
  // write (compare-and-swap). Costs a write.
  // REQUIRES: the command was proposed with Proposal::own_entry. What is written must end with a
  // whole entry and its applied position: a crash in the middle of an entry would replay its first
  // commands over their own results.
  virtual void WriteOut() = 0;
};

class StateMachine {
 public:
  virtual ~StateMachine() = default;

  // Applies one proposed command. Writes to context.batch() only.
  virtual CommandResult Apply(ApplyContext& context, std::string_view command) = 0;

  // Applies a committed change of membership. When the result's status is not OK the change is
  // skipped by this and every other replica, and the configuration stays as it is.
  virtual CommandResult ApplyConfChange(ApplyContext& context, const raft::ConfChange& change) = 0;

  // Adds to the batch that everything up to `applied` is in the state. Called after the commands of
  // a batch, so that the position is written in the same batch as the data.
  virtual void PersistApplied(ApplyContext& context, raft::EntryId applied) = 0;

  // Replaces the whole state by the snapshot's, whose position becomes the applied one. Must be
  // repeatable after a crash at any point. An error stops the process.
  virtual CommandResult InstallSnapshot(const raft::Snapshot& snapshot) = 0;

  // The group leaves, and its log is about to be cleared: what its entries did beyond its own state
  // (a split made another group) cannot be replayed any more after that. May block. An error stops
  // the process.
  virtual absl::Status PrepareForLossOfLog() { return absl::OkStatus(); }
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_STATE_MACHINE_H_
