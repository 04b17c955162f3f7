// What a RawNode wants done. The host takes one, does it, and reports completions; it may take the
// next one before the last one is persisted or applied (asynchronous storage writes).
#ifndef FLOTILLA_COMMON_RAFT_READY_H_
#define FLOTILLA_COMMON_RAFT_READY_H_

#include <optional>
#include <vector>

#include "common/raft/message.h"
#include "common/raft/types.h"

namespace flotilla::raft {

// Names the durable state after a Ready's `append` was written. The core ignores a token that a
// later term has made stale: see the story in raw_node.cc at OnPersisted.
struct PersistToken {
  Term term;  // The node's term when the Ready was taken.
  // The end of the log when the Ready was taken; {0, 0}: everything was durable already. Not only
  // set when this append holds entries: an earlier token may have gone stale with its term.
  EntryId last;
  std::optional<Index> snapshot;  // Index of the snapshot in the append.

  // Tells the core nothing: OnPersisted need not be called.
  bool empty() const { return last.index == Index(0) && !snapshot; }
};

// One write to the log: all of it durable, in this order, before `messages` leave and OnPersisted
// is called. Appends of one group are made durable in the order of their Readys.
struct LogAppend {
  std::optional<Snapshot> snapshot;  // Replaces the whole log.
  std::vector<Entry> entries;        // Entries at or after the first one's index are dropped first.
  std::optional<HardState> hard_state;  // Set when it changed.
  // Votes, append responses and requests for votes, which promise what this write makes durable.
  // Some are addressed to the node itself: step them into it like any other.
  std::vector<Message> messages;
  PersistToken token;

  bool empty() const { return !snapshot && entries.empty() && !hard_state && messages.empty(); }
};

// A read whose index is known: serve it once `index` is applied.
struct ReadState {
  ReadId read_id;
  Index index;
};

struct SoftState {
  PeerId leader;  // 0: unknown.
  Role role = Role::kFollower;
  bool operator==(const SoftState&) const = default;
};

struct Ready {
  std::optional<SoftState> soft_state;  // Set when it changed.
  LogAppend append;
  // To be sent at once, in parallel with the local write: a leader's appends and heartbeats,
  // requests for pre-votes, forwarded requests.
  std::vector<Message> messages;
  // Committed and durable here; apply in order and report OnApplied.
  std::vector<Entry> committed;
  std::vector<ReadState> reads;
  // Reads that were asked for and are lost with a change of leader or term: tell their callers.
  std::vector<ReadId> dropped_reads;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_READY_H_
