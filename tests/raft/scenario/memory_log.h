// A node's stable storage in memory: what a scenario or a simulated host has written.
#ifndef FLOTILLA_TESTS_RAFT_SCENARIO_MEMORY_LOG_H_
#define FLOTILLA_TESTS_RAFT_SCENARIO_MEMORY_LOG_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/raft/log_reader.h"
#include "common/raft/types.h"

namespace flotilla::raft::scenario {

class MemoryLog final : public LogReader {
 public:
  // The owner's latest applied state, for peers that are too far behind.
  using SnapshotSource = std::function<absl::StatusOr<Snapshot>(PeerId to, Index min_index)>;
  explicit MemoryLog(SnapshotSource snapshots) : snapshots_(std::move(snapshots)) {}

  // --- Writes ---
  // Entries at or after the first one's index are dropped first; what is truncated already is
  // skipped.
  void Append(const std::vector<Entry>& entries);
  // FailedPrecondition when a snapshot at that index or later was restored before.
  absl::Status Restore(const SnapshotMeta& meta);
  // Drops the entries up to and including `index`. FailedPrecondition when they are gone already or
  // not there yet.
  absl::Status Truncate(Index index);

  // --- LogReader ---
  EntryId truncated() const override { return truncated_; }
  Index last_index() const override { return truncated_.index + entries_.size(); }
  absl::StatusOr<Term> TermAt(Index index) const override;
  absl::StatusOr<std::vector<Entry>> Entries(Index low, Index high,
                                             uint64_t max_bytes) const override;
  absl::StatusOr<Snapshot> SnapshotFor(PeerId to, Index min_index) override {
    return snapshots_(to, min_index);
  }

  const std::vector<Entry>& entries() const { return entries_; }

 private:
  SnapshotSource snapshots_;
  EntryId truncated_;
  Index restored_;  // The snapshot that was restored last.
  std::vector<Entry> entries_;
};

}  // namespace flotilla::raft::scenario

#endif  // FLOTILLA_TESTS_RAFT_SCENARIO_MEMORY_LOG_H_
