#include "tests/raft/scenario/memory_log.h"

#include <string>

#include "common/base/check.h"
#include "common/raft/raft_log.h"

namespace flotilla::raft::scenario {

void MemoryLog::Append(const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    if (entry.index <= truncated_.index) continue;
    CHECK_LE(entry.index, last_index() + 1) << "a gap before the appended entry";
    entries_.resize(entry.index - first_index());
    entries_.push_back(entry);
  }
}

absl::Status MemoryLog::Restore(const SnapshotMeta& meta) {
  if (meta.index <= restored_) {
    return absl::FailedPreconditionError("the snapshot is older than one restored before");
  }
  restored_ = meta.index;
  truncated_ = {meta.term, meta.index};
  entries_.clear();
  return absl::OkStatus();
}

absl::Status MemoryLog::Truncate(Index index) {
  if (index <= truncated_.index) {
    return absl::FailedPreconditionError("the log is truncated there already");
  }
  if (index > last_index()) {
    return absl::FailedPreconditionError("the log ends at " + std::to_string(last_index().value()));
  }
  const auto dropped = static_cast<ptrdiff_t>(index - truncated_.index);
  truncated_ = {entries_[static_cast<size_t>(dropped) - 1].term, index};
  entries_.erase(entries_.begin(), entries_.begin() + dropped);
  return absl::OkStatus();
}

absl::StatusOr<Term> MemoryLog::TermAt(Index index) const {
  if (index < truncated_.index || index > last_index()) return absl::OutOfRangeError("no term");
  if (index == truncated_.index) return truncated_.term;
  return entries_[index - first_index()].term;
}

absl::StatusOr<std::vector<Entry>> MemoryLog::Entries(Index low, Index high,
                                                      uint64_t max_bytes) const {
  CHECK(first_index() <= low && low < high && high <= last_index() + 1);
  std::vector<Entry> out;
  uint64_t bytes = 0;
  for (Index index = low; index < high; ++index) {
    const Entry& entry = entries_[index - first_index()];
    bytes += EncodedBytes(entry);
    if (!out.empty() && bytes > max_bytes) break;
    out.push_back(entry);
  }
  return out;
}

}  // namespace flotilla::raft::scenario
