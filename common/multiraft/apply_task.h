// What the raft workers hand to the apply workers, and what comes back.
#ifndef FLOTILLA_COMMON_MULTIRAFT_APPLY_TASK_H_
#define FLOTILLA_COMMON_MULTIRAFT_APPLY_TASK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "common/multiraft/proposal_queue.h"
#include "common/multiraft/state_machine.h"
#include "common/raft/conf_change.h"
#include "common/raft/types.h"

namespace flotilla::multiraft {

// Tells a peer from an earlier one of the same region in this process: what was under way for that
// one is nothing to this one.
using Incarnation = StrongInt<struct IncarnationTag>;

// From now on the group's entries come; they start after `applied`.
struct StartApplying {
  RegionId region_id;
  Incarnation incarnation;
  int raft_worker = 0;
  raft::EntryId applied;
  std::unique_ptr<StateMachine> state_machine;
};

// Committed entries, in order and without gap.
struct ApplyEntries {
  RegionId region_id;
  std::vector<raft::Entry> entries;
  // Those of the entries that somebody here waits for, by index.
  std::vector<PendingEntry> pending;
  uint64_t bytes = 0;
};

// A durable snapshot of the log replaces the state.
struct ApplySnapshot {
  RegionId region_id;
  raft::Snapshot snapshot;
};

// The group leaves: what came before is applied and written first. Answered by a GroupStopped.
struct StopApplying {
  RegionId region_id;
  bool clears_log = false;
};

using ApplyTask = std::variant<StartApplying, ApplyEntries, ApplySnapshot, StopApplying>;

// All that a raft worker has for one apply worker after one round: one push, one wake-up.
struct ApplyRound {
  std::vector<ApplyTask> tasks;
  uint64_t bytes = 0;  // Of the entries in `tasks`.
};

// Something that the peer must hear of, in log order.
struct AppliedEvent {
  Index index;
  // Set for a change of membership that was not refused.
  std::optional<raft::ConfChange> conf_change;
  std::unique_ptr<AppliedEffect> effect;  // May be null.
};

// Everything up to `at` is applied and visible.
struct GroupApplied {
  RegionId region_id;
  Incarnation incarnation;
  raft::EntryId at;
  // Set when the state was replaced by a snapshot of this configuration.
  std::optional<raft::ConfState> installed;
  std::vector<AppliedEvent> events;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_APPLY_TASK_H_
