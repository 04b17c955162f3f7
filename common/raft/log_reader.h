// The core's read-only view of what is durable. Writes leave through Ready, so the core cannot do
// I/O even by mistake.
#ifndef FLOTILLA_COMMON_RAFT_LOG_READER_H_
#define FLOTILLA_COMMON_RAFT_LOG_READER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/raft/types.h"

namespace flotilla::raft {

// Called on the thread that owns the RawNode. Sees what the last OnPersisted told, at least.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // The position just before the first entry: (0, 0) for a new log, else where it was truncated.
  virtual EntryId truncated() const = 0;
  // Index of the last entry; truncated().index when there is none.
  virtual Index last_index() const = 0;
  Index first_index() const { return truncated().index + 1; }

  // OutOfRange below truncated() or beyond last_index().
  virtual absl::StatusOr<Term> TermAt(Index index) const = 0;

  // Entries [low, high), cut once `max_bytes` is passed but never empty.
  // REQUIRES: first_index() <= low < high <= last_index() + 1.
  virtual absl::StatusOr<std::vector<Entry>> Entries(Index low, Index high,
                                                     uint64_t max_bytes) const = 0;

  // False: entries from `low` on should not be read for a follower now, for that would take long;
  // the owner calls RawNode::SendPostponed later.
  virtual bool MayReadForFollower(Index /*low*/) { return true; }

  // A snapshot at `min_index` or later, for `to`. Unavailable while it is being made: the core asks
  // again.
  virtual absl::StatusOr<Snapshot> SnapshotFor(PeerId to, Index min_index) = 0;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_LOG_READER_H_
