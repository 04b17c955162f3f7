// The tail of the log that is not known to be durable: what was appended and is not handed out yet,
// and what is being written. It also holds a snapshot that replaces the log.
//
//      durable | being written | new
//   -----------+---------------+-------
//              ^ offset        ^ in_progress
//
// `offset` may lie below the end of the durable log: the next write then replaces that end.
#ifndef FLOTILLA_COMMON_RAFT_UNSTABLE_LOG_H_
#define FLOTILLA_COMMON_RAFT_UNSTABLE_LOG_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/raft/types.h"

namespace flotilla::raft {

class UnstableLog {
 public:
  // Everything before `offset` is durable.
  explicit UnstableLog(Index offset) : offset_(offset), in_progress_(offset) {}

  Index offset() const { return offset_; }
  bool has_entries() const { return !entries_.empty(); }
  const std::optional<Snapshot>& snapshot() const { return snapshot_; }

  // What is known here of the whole log; nullopt: ask the durable one.
  std::optional<Index> FirstIndex() const;
  std::optional<Index> LastIndex() const;
  std::optional<Term> TermAt(Index index) const;

  // Appends, after dropping whatever is held at or after the first entry's index.
  // REQUIRES: entries are consecutive and not empty.
  void Append(std::vector<Entry> entries);
  // The snapshot becomes the whole log.
  void Restore(const Snapshot& snapshot);

  bool HasNewEntries() const { return in_progress_ < end(); }
  bool HasNewSnapshot() const { return snapshot_.has_value() && !snapshot_in_progress_; }
  std::vector<Entry> NewEntries() const;
  // What is new is being written from now on.
  void MarkInProgress();

  // Everything up to `id` is durable, and no write under way will replace it.
  void StableTo(EntryId id);
  void SnapshotStable(Index index);

  // Appends entries [low, high) to `out`. REQUIRES: offset <= low <= high <= end.
  void CopyTo(Index low, Index high, std::vector<Entry>& out) const;

 private:
  Index end() const { return offset_ + entries_.size(); }

  std::optional<Snapshot> snapshot_;
  bool snapshot_in_progress_ = false;
  std::deque<Entry> entries_;  // entries_[i] stands at offset_ + i.
  Index offset_;
  // Invariant: offset_ <= in_progress_ <= end().
  Index in_progress_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_UNSTABLE_LOG_H_
