#include "common/raftlog/group_log.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace flotilla::raftlog {

GroupLog::GroupLog(RegionId region_id, const GroupState& state, const SharedLogParts& shared,
                   SnapshotSource snapshots)
    : region_id_(region_id),
      engine_(shared.engine),
      cache_(shared.cache),
      budget_(shared.budget),
      usage_(shared.usage),
      snapshots_(std::move(snapshots)),
      truncated_(state.truncated),
      last_(state.last),
      bytes_(state.bytes) {
  CHECK_GE(last_.index, truncated_.index) << "region " << region_id_;
  usage_->AddGroup();
  Account();
}

GroupLog::~GroupLog() {
  cache_->Drop(region_id_);
  usage_->RemoveGroup(accounted_);
}

void GroupLog::Account() {
  const uint64_t now = footprint();
  usage_->Move(accounted_, now);
  accounted_ = now;
}

LogChange GroupLog::Submit(raft::LogAppend& append) {
  LogChange change;
  change.region_id = region_id_;
  Pending pending{.token = append.token, .reset_to = {}, .first = {}, .last = {}, .bytes = 0};
  if (append.snapshot) {
    pending.reset_to = raft::EntryId{append.snapshot->meta.term, append.snapshot->meta.index};
    change.reset_to = pending.reset_to;
    append.snapshot.reset();
    cache_->Drop(region_id_);
  }
  if (!append.entries.empty()) {
    pending.first = append.entries.front().index;
    pending.last = {append.entries.back().term, append.entries.back().index};
    CHECK_EQ(pending.last.index - pending.first + 1, append.entries.size())
        << "region " << region_id_ << ": an append with a gap";
    for (const raft::Entry& entry : append.entries) pending.bytes += entry.data.size();
    cache_->Append(region_id_, append.entries);
    change.entries = std::move(append.entries);
    append.entries.clear();
  }
  change.hard_state = std::exchange(append.hard_state, std::nullopt);
  pending_.push_back(pending);
  return change;
}

void GroupLog::OnPersisted(const raft::PersistToken& token) {
  CHECK(!pending_.empty()) << "region " << region_id_ << ": nothing was submitted";
  const Pending done = pending_.front();
  pending_.pop_front();
  CHECK(done.token.term == token.term && done.token.last == token.last &&
        done.token.snapshot == token.snapshot)
      << "region " << region_id_ << ": appends become durable in the order of their submission";

  if (done.reset_to) {
    truncated_ = *done.reset_to;
    last_ = *done.reset_to;
    bytes_ = 0;
  }
  if (done.first != Index(0)) {
    CHECK(done.first > truncated_.index && done.first <= last_.index + 1)
        << "region " << region_id_ << ": entries from " << done.first << " do not follow ("
        << truncated_.index << ", " << last_.index << "]";
    if (done.first <= last_.index) bytes_ -= BytesOf(last_.index - done.first + 1);
    bytes_ += done.bytes;
    last_ = done.last;
  }
  Account();
}

absl::StatusOr<LogChange> GroupLog::Truncate(Index index) {
  CHECK(index > truncated_.index && index <= last_.index)
      << "region " << region_id_ << ": truncation to " << index << " of (" << truncated_.index
      << ", " << last_.index << "]";
  const absl::StatusOr<Term> term = TermAt(index);
  if (!term.ok()) return term.status();
  bytes_ -= BytesOf(index - truncated_.index);
  truncated_ = {*term, index};
  Account();
  cache_->TruncateTo(region_id_, index);

  LogChange change;
  change.region_id = region_id_;
  change.truncate_to = truncated_;
  return change;
}

absl::StatusOr<Term> GroupLog::TermAt(Index index) const {
  if (index == truncated_.index) return truncated_.term;
  if (index == last_.index) return last_.term;
  if (index < truncated_.index || index > last_.index) {
    return absl::OutOfRangeError(absl::StrFormat(
        "region %d: no term of index %d: the log holds (%d, %d]", region_id_.value(), index.value(),
        truncated_.index.value(), last_.index.value()));
  }
  if (const std::optional<Term> term = cache_->TermAt(region_id_, index)) return *term;
  return engine_->TermAt(region_id_, index);
}

absl::StatusOr<std::vector<raft::Entry>> GroupLog::Entries(Index low, Index high,
                                                           uint64_t max_bytes) const {
  CHECK(truncated_.index < low && low < high && high <= last_.index + 1)
      << "region " << region_id_ << ": entries [" << low << ", " << high << ") of ("
      << truncated_.index << ", " << last_.index << "]";
  std::vector<raft::Entry> entries = cache_->Entries(region_id_, low, high, max_bytes);
  if (!entries.empty()) return entries;

  // What is older than the cache comes from the engine; the cache adds the rest.
  const Index cached = cache_->FirstIndex(region_id_).value_or(high);
  const Index end = cached > low && cached < high ? cached : high;
  ASSIGN_OR_RETURN(entries, engine_->Entries(region_id_, low, end, max_bytes));
  uint64_t bytes = 0;
  for (const raft::Entry& entry : entries) bytes += entry.data.size();
  budget_->Spend(bytes + entries.size() * kEntryOverheadBytes);
  if (end == high || entries.back().index + 1 < end) return entries;
  if (bytes >= max_bytes) return entries;
  for (raft::Entry& entry : cache_->Entries(region_id_, end, high, max_bytes - bytes)) {
    bytes += entry.data.size();
    if (bytes > max_bytes) break;
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool GroupLog::MayReadForFollower(Index low) {
  const std::optional<Index> cached = cache_->FirstIndex(region_id_);
  return (cached && *cached <= low) || budget_->MayRead(region_id_);
}

absl::StatusOr<raft::Snapshot> GroupLog::SnapshotFor(PeerId to, Index min_index) {
  return snapshots_(to, min_index);
}

// A share of bytes_ in proportion to the number of entries.
uint64_t GroupLog::BytesOf(uint64_t entries) const {
  const uint64_t count = entry_count();
  CHECK_LE(entries, count) << "region " << region_id_;
  if (entries == count) return bytes_;
  return static_cast<uint64_t>(static_cast<double>(bytes_) * static_cast<double>(entries) /
                               static_cast<double>(count));
}

}  // namespace flotilla::raftlog
