#include "common/raft/unstable_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/check.h"

namespace flotilla::raft {

std::optional<Index> UnstableLog::FirstIndex() const {
  if (snapshot_.has_value()) return snapshot_->meta.index + 1;
  return std::nullopt;
}

std::optional<Index> UnstableLog::LastIndex() const {
  if (!entries_.empty()) return end() - 1;
  if (snapshot_.has_value()) return snapshot_->meta.index;
  return std::nullopt;
}

std::optional<Term> UnstableLog::TermAt(Index index) const {
  if (index >= offset_ && index < end()) return entries_[index - offset_].term;
  if (index < offset_ && snapshot_.has_value() && snapshot_->meta.index == index) {
    return snapshot_->meta.term;
  }
  return std::nullopt;
}

void UnstableLog::Append(std::vector<Entry> entries) {
  CHECK(!entries.empty());
  const Index from = entries.front().index;
  CHECK_LE(from, end());
  if (from <= offset_) {
    // Replaces all that is held here, and perhaps a durable tail too.
    entries_.clear();
    offset_ = from;
    in_progress_ = from;
  } else {
    // A write under way may still make the dropped entries durable; the one that carries the new
    // entries comes after it and replaces them.
    entries_.resize(from - offset_);
    in_progress_ = std::min(in_progress_, from);
  }
  entries_.insert(entries_.end(), std::make_move_iterator(entries.begin()),
                  std::make_move_iterator(entries.end()));
}

void UnstableLog::Restore(const Snapshot& snapshot) {
  offset_ = snapshot.meta.index + 1;
  in_progress_ = offset_;
  entries_.clear();
  snapshot_ = snapshot;
  snapshot_in_progress_ = false;
}

std::vector<Entry> UnstableLog::NewEntries() const {
  std::vector<Entry> out;
  CopyTo(in_progress_, end(), out);
  return out;
}

void UnstableLog::MarkInProgress() {
  in_progress_ = end();
  if (snapshot_.has_value()) snapshot_in_progress_ = true;
}

void UnstableLog::StableTo(EntryId id) {
  // Entries that were replaced since, or are known to be durable already, tell nothing.
  if (id.index < offset_ || id.index >= end()) return;
  if (entries_[id.index - offset_].term != id.term) return;
  const auto count = static_cast<ptrdiff_t>(id.index + 1 - offset_);
  entries_.erase(entries_.begin(), entries_.begin() + count);
  offset_ = id.index + 1;
  in_progress_ = std::max(in_progress_, offset_);
}

void UnstableLog::SnapshotStable(Index index) {
  if (!snapshot_.has_value() || snapshot_->meta.index != index) return;
  snapshot_.reset();
  snapshot_in_progress_ = false;
}

void UnstableLog::CopyTo(Index low, Index high, std::vector<Entry>& out) const {
  CHECK(offset_ <= low && low <= high && high <= end())
      << "entries [" << low << ", " << high << ") of the unstable log [" << offset_ << ", " << end()
      << ")";
  out.insert(out.end(), entries_.begin() + static_cast<ptrdiff_t>(low - offset_),
             entries_.begin() + static_cast<ptrdiff_t>(high - offset_));
}

}  // namespace flotilla::raft
