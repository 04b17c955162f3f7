#include "common/raft/raft_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/check.h"
#include "common/base/planted_bugs.h"

namespace flotilla::raft {
namespace {

uint64_t VarintBytes(uint64_t value) {
  uint64_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

// Drops what lies beyond max_bytes, but never the first entry.
void LimitBytes(std::vector<Entry>& entries, uint64_t max_bytes) {
  if (entries.empty()) return;
  uint64_t bytes = EncodedBytes(entries.front());
  for (size_t i = 1; i < entries.size(); ++i) {
    bytes += EncodedBytes(entries[i]);
    if (bytes > max_bytes) {
      entries.resize(i);
      return;
    }
  }
}

}  // namespace

uint64_t PayloadBytes(const std::vector<Entry>& entries) {
  uint64_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.data.size();
  return bytes;
}

uint64_t EncodedBytes(const Entry& entry) {
  // A tagged record of type, term, index and payload, as the transport encodes it.
  uint64_t bytes = 2 + 1 + VarintBytes(entry.term.value()) + 1 + VarintBytes(entry.index.value());
  if (!entry.data.empty()) bytes += 1 + VarintBytes(entry.data.size()) + entry.data.size();
  return bytes;
}

RaftLog::RaftLog(LogReader* reader, Index committed, Index applied, uint64_t max_unapplied_bytes,
                 bool apply_unstable)
    : reader_(reader),
      max_unapplied_bytes_(max_unapplied_bytes),
      apply_unstable_(apply_unstable),
      unstable_(reader->last_index() + 1),
      committed_(committed),
      applying_(applied),
      applied_(applied) {
  CHECK_LE(reader->truncated().index, applied_);
  CHECK_LE(applied_, committed_);
  CHECK_LE(committed_, reader->last_index());
}

Index RaftLog::first_index() const {
  std::optional<Index> first = unstable_.FirstIndex();
  return first.has_value() ? *first : reader_->first_index();
}

Index RaftLog::last_index() const {
  std::optional<Index> last = unstable_.LastIndex();
  return last.has_value() ? *last : reader_->last_index();
}

EntryId RaftLog::last() const {
  const Index index = last_index();
  std::optional<Term> term = TermAt(index);
  CHECK(term.has_value()) << "no term for the last entry, " << index;
  return {*term, index};
}

std::optional<Term> RaftLog::TermAt(Index index) const {
  if (std::optional<Term> term = unstable_.TermAt(index); term.has_value()) return term;
  // The term just before the first entry is known: appends are matched against it.
  if (index + 1 < first_index() || index > last_index()) return std::nullopt;
  absl::StatusOr<Term> term = reader_->TermAt(index);
  if (term.ok()) return *term;
  CHECK(absl::IsOutOfRange(term.status())) << "term of " << index << ": " << term.status();
  return std::nullopt;
}

bool RaftLog::IsUpToDate(EntryId other_last) const {
  // EntryId compares terms first, then indexes.
  return other_last >= last();
}

std::optional<std::vector<Entry>> RaftLog::EntriesFrom(Index low, uint64_t max_bytes) const {
  const Index end = last_index() + 1;
  if (low >= end) return std::vector<Entry>();
  if (low < first_index()) return std::nullopt;
  return Slice(low, end, max_bytes);
}

std::vector<Entry> RaftLog::Slice(Index low, Index high, uint64_t max_bytes) const {
  CHECK(first_index() <= low && low <= high && high <= last_index() + 1)
      << "entries [" << low << ", " << high << ") of the log [" << first_index() << ", "
      << last_index() << "]";
  std::vector<Entry> entries;
  if (low == high) return entries;
  const Index offset = unstable_.offset();
  if (low < offset) {
    const Index stable_high = std::min(high, offset);
    absl::StatusOr<std::vector<Entry>> stable = reader_->Entries(low, stable_high, max_bytes);
    CHECK(stable.ok()) << "entries [" << low << ", " << stable_high << "): " << stable.status();
    CHECK(!stable->empty()) << "no entries [" << low << ", " << stable_high << ")";
    entries = *std::move(stable);
    if (entries.size() < stable_high - low) {
      LimitBytes(entries, max_bytes);
      return entries;
    }
  }
  if (high > offset) unstable_.CopyTo(std::max(low, offset), high, entries);
  LimitBytes(entries, max_bytes);
  return entries;
}

absl::StatusOr<Snapshot> RaftLog::SnapshotFor(PeerId to) const {
  if (unstable_.snapshot().has_value()) return *unstable_.snapshot();
  return reader_->SnapshotFor(to, first_index() - 1);
}

EntryId RaftLog::FindConflict(Index index, Term term) const {
  for (; index > Index(0); --index) {
    std::optional<Term> ours = TermAt(index);
    if (!ours.has_value()) return {Term(0), index};
    if (*ours <= term) return {*ours, index};
  }
  return {Term(0), Index(0)};
}

Index RaftLog::Append(std::vector<Entry> entries) {
  if (entries.empty()) return last_index();
  // Committed entries are never replaced (thesis 3.6.3, state machine safety).
  CHECK_GT(entries.front().index, committed_) << "an append would replace a committed entry";
  unstable_.Append(std::move(entries));
  return last_index();
}

std::optional<Index> RaftLog::MaybeAppend(EntryId prev, std::vector<Entry> entries,
                                          Index leader_commit) {
  if (!Matches(prev)) return std::nullopt;
  const Index matched = prev.index + entries.size();
  // Entries that we hold already are not appended again: this message may be an old one, and
  // dropping what follows them could drop what has been acknowledged.
  auto first_new = std::find_if(entries.begin(), entries.end(), [this](const Entry& entry) {
    if (Planted(Bug::kConflictKept)) return entry.index > last_index();
    return !Matches({entry.term, entry.index});
  });
  if (Planted(Bug::kOldAppendTruncates)) first_new = entries.begin();
  entries.erase(entries.begin(), first_new);
  Append(std::move(entries));
  CommitTo(std::min(leader_commit, matched));
  return matched;
}

void RaftLog::Restore(const Snapshot& snapshot) {
  committed_ = snapshot.meta.index;
  unstable_.Restore(snapshot);
}

void RaftLog::CommitTo(Index index) {
  if (index <= committed_) return;
  CHECK_LE(index, last_index()) << "a commit beyond the log: acknowledged entries were lost";
  committed_ = index;
}

Index RaftLog::MaxAppliable() const {
  if (apply_unstable_) return committed_;
  return std::min(committed_, unstable_.offset() - 1);
}

bool RaftLog::HasNextCommitted() const {
  // Nothing is applied before a snapshot that is still being written, and nothing beside it.
  if (apply_paused_ || unstable_.snapshot().has_value()) return false;
  return applying_ < MaxAppliable();
}

std::vector<Entry> RaftLog::TakeCommitted() {
  if (!HasNextCommitted()) return {};
  const Index end = MaxAppliable() + 1;
  std::vector<Entry> entries = Slice(applying_ + 1, end, max_unapplied_bytes_ - unapplied_bytes_);
  Batch batch{.last = entries.back().index, .encoded_bytes = 0, .payload_bytes = 0};
  for (const Entry& entry : entries) batch.encoded_bytes += EncodedBytes(entry);
  batch.payload_bytes = PayloadBytes(entries);
  applying_ = batch.last;
  unapplied_bytes_ += batch.encoded_bytes;
  batches_.push_back(batch);
  // Stop at the limit, and also when the next entry would not fit below it any more.
  apply_paused_ = unapplied_bytes_ >= max_unapplied_bytes_ || applying_ + 1 < end;
  return entries;
}

uint64_t RaftLog::AppliedTo(Index index) {
  CHECK_LE(index, committed_) << "applied beyond the commit index";
  uint64_t payload_bytes = 0;
  while (!batches_.empty() && batches_.front().last <= index) {
    unapplied_bytes_ -= batches_.front().encoded_bytes;
    payload_bytes += batches_.front().payload_bytes;
    batches_.pop_front();
  }
  applied_ = std::max(applied_, index);
  applying_ = std::max(applying_, applied_);
  apply_paused_ = unapplied_bytes_ >= max_unapplied_bytes_;
  return payload_bytes;
}

}  // namespace flotilla::raft
