// One node's log as the algorithm sees it: the durable part through LogReader, the tail in
// UnstableLog, and how far it is committed and applied.
//
// Invariant: applied <= applying <= committed <= last_index.
#ifndef FLOTILLA_COMMON_RAFT_RAFT_LOG_H_
#define FLOTILLA_COMMON_RAFT_RAFT_LOG_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/raft/log_reader.h"
#include "common/raft/types.h"
#include "common/raft/unstable_log.h"

namespace flotilla::raft {

// The bytes that an entry's payload takes: what windows and the limit of uncommitted data count.
uint64_t PayloadBytes(const std::vector<Entry>& entries);
// The bytes that an entry takes when it is sent or handed out, its position included.
uint64_t EncodedBytes(const Entry& entry);

class RaftLog {
 public:
  // `reader` must outlive the log. `apply_unstable`: committed entries may be handed out before
  // they are durable here. REQUIRES: committed >= applied, and both lie within the reader's log.
  RaftLog(LogReader* reader, Index committed, Index applied, uint64_t max_unapplied_bytes,
          bool apply_unstable);

  // --- The whole log ---
  Index first_index() const;
  Index last_index() const;
  EntryId last() const;
  // nullopt: compacted away or not there yet.
  std::optional<Term> TermAt(Index index) const;
  bool Matches(EntryId id) const { return TermAt(id.index) == id.term; }
  // Thesis 3.6.1: a log with a later last term, or as late a one and at least as long.
  bool IsUpToDate(EntryId other_last) const;
  // Entries from `low` on, about max_bytes of them and at least one; none when `low` lies beyond
  // the end. nullopt: compacted away.
  std::optional<std::vector<Entry>> EntriesFrom(Index low, uint64_t max_bytes) const;
  // Whether EntriesFrom(low) should be called now, for a follower: see LogReader.
  bool MayReadForFollower(Index low) const {
    return low >= unstable_.offset() || reader_->MayReadForFollower(low);
  }
  // The largest position at or below `index` that may agree with a log that holds `term` somewhere
  // at or above it: the last one here whose term is not larger. Term 0: not known.
  EntryId FindConflict(Index index, Term term) const;
  // REQUIRES: committed <= high, low >= first_index.
  std::vector<Entry> Slice(Index low, Index high, uint64_t max_bytes) const;

  // A snapshot for `to`, from which it can go on with the log. Unavailable: not made yet.
  absl::StatusOr<Snapshot> SnapshotFor(PeerId to) const;

  // --- Appending ---
  // A leader's own entries. Returns the new last index.
  Index Append(std::vector<Entry> entries);
  // A leader's AppendEntries. nullopt: `prev` is not in the log. Otherwise the index up to which
  // the log now equals the leader's.
  std::optional<Index> MaybeAppend(EntryId prev, std::vector<Entry> entries, Index leader_commit);
  void Restore(const Snapshot& snapshot);

  // --- Committing ---
  Index committed() const { return committed_; }
  void CommitTo(Index index);

  // --- Persisting ---
  const UnstableLog& unstable() const { return unstable_; }
  void MarkInProgress() { unstable_.MarkInProgress(); }
  void StableTo(EntryId id) { unstable_.StableTo(id); }
  void SnapshotStable(Index index) { unstable_.SnapshotStable(index); }

  // --- Applying ---
  Index applied() const { return applied_; }
  bool HasNextCommitted() const;
  // Hands out the committed entries that may be applied now.
  std::vector<Entry> TakeCommitted();
  // Returns the payload bytes of the batches that are wholly applied by this.
  uint64_t AppliedTo(Index index);

 private:
  struct Batch {
    Index last;
    uint64_t encoded_bytes;
    uint64_t payload_bytes;
  };
  Index MaxAppliable() const;

  LogReader* const reader_;
  const uint64_t max_unapplied_bytes_;
  const bool apply_unstable_;
  UnstableLog unstable_;
  Index committed_;
  Index applying_;
  Index applied_;
  std::deque<Batch> batches_;  // Handed out and not applied.
  uint64_t unapplied_bytes_ = 0;
  bool apply_paused_ = false;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_RAFT_LOG_H_
