#include "common/raftlog/memory_log_engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/base/planted_bugs.h"

namespace flotilla::raftlog {
namespace {

absl::Status CorruptEntry(RegionId region_id, Index index) {
  return absl::DataLossError(
      absl::StrFormat("raft log of region %d: entry %d does not match its "
                      "checksum",
                      region_id.value(), index.value()));
}

}  // namespace

absl::Status MemoryLogEngine::Write(const LogBatch& batch) {
  {
    MutexLock lock(mutex_);
    absl::Status error = std::exchange(next_error_, absl::OkStatus());
    if (!error.ok() && !failed_reaches_the_disk_) return error;
    for (const LogChange& change : batch.changes) Apply(change, visible_);
    if (hold_) {
      held_.push_back(batch);
    } else {
      ++position_;
    }
    if (!error.ok()) return error;
  }
  unflushed_bytes_ += batch.ByteSize();
  if (unflushed_bytes_ >= flush_at_bytes_) {
    unflushed_bytes_ = 0;
    if (preparation_) preparation_([] {});
  }
  return absl::OkStatus();
}

void MemoryLogEngine::SetFlushPreparation(FlushPreparation preparation) {
  preparation_ = std::move(preparation);
}

void MemoryLogEngine::Apply(const LogChange& change, Groups& groups) {
  if (change.clear) groups.erase(change.region_id);
  const bool only_clears = !change.reset_to && change.entries.empty() && !change.hard_state &&
                           !change.truncate_to && change.records.empty();
  if (only_clears) return;
  Group& group = groups[change.region_id];
  if (change.reset_to) {
    group.entries.clear();
    group.corrupt.clear();
    group.truncated = *change.reset_to;
  }
  if (!change.entries.empty()) {
    const Index first = change.entries.front().index;
    CHECK_GT(first, group.truncated.index) << "region " << change.region_id;
    group.entries.erase(group.entries.lower_bound(first), group.entries.end());
    group.corrupt.erase(group.corrupt.lower_bound(first), group.corrupt.end());
    for (const raft::Entry& entry : change.entries) group.entries.emplace(entry.index, entry);
  }
  if (change.hard_state) group.hard_state = *change.hard_state;
  if (change.truncate_to && change.truncate_to->index > group.truncated.index) {
    const Index to = change.truncate_to->index;
    group.entries.erase(group.entries.begin(), group.entries.upper_bound(to));
    group.corrupt.erase(group.corrupt.begin(), group.corrupt.upper_bound(to));
    group.truncated = *change.truncate_to;
  }
  for (const auto& [name, value] : change.records) {
    if (value.empty()) {
      group.records.erase(name);
    } else {
      group.records[name] = value;
    }
  }
}

bool MemoryLogEngine::IsDamaged(const Group& group, Index index) {
  return !Planted(Bug::kDamageServed) && group.corrupt.contains(index);
}

absl::StatusOr<GroupState> MemoryLogEngine::StateOf(RegionId region_id, const Group& group) {
  GroupState state;
  state.hard_state = group.hard_state;
  state.truncated = group.truncated;
  state.last = group.truncated;
  state.records = group.records;
  for (const auto& [index, entry] : group.entries) {
    if (IsDamaged(group, index)) return CorruptEntry(region_id, index);
    if (index != state.last.index + 1) {
      return absl::DataLossError(absl::StrFormat("raft log of region %d: entry %d follows entry %d",
                                                 region_id.value(), index.value(),
                                                 state.last.index.value()));
    }
    state.last = {entry.term, index};
    state.bytes += entry.data.size();
  }
  return state;
}

absl::StatusOr<std::map<RegionId, GroupState>> MemoryLogEngine::LoadAll() const {
  MutexLock lock(mutex_);
  std::map<RegionId, GroupState> states;
  for (const auto& [region_id, group] : visible_) {
    absl::StatusOr<GroupState> state = StateOf(region_id, group);
    if (!state.ok()) return state.status();
    states.emplace(region_id, *std::move(state));
  }
  return states;
}

absl::StatusOr<GroupState> MemoryLogEngine::Load(RegionId region_id) const {
  MutexLock lock(mutex_);
  const auto it = visible_.find(region_id);
  if (it == visible_.end()) {
    return absl::NotFoundError(
        absl::StrFormat("raft log: nothing is stored of region %d", region_id.value()));
  }
  return StateOf(region_id, it->second);
}

absl::StatusOr<std::vector<raft::Entry>> MemoryLogEngine::Entries(RegionId region_id, Index low,
                                                                  Index high,
                                                                  uint64_t max_bytes) const {
  MutexLock lock(mutex_);
  std::vector<raft::Entry> found;
  const auto group = visible_.find(region_id);
  uint64_t bytes = 0;
  for (Index index = low; index < high; ++index) {
    if (group == visible_.end() || !group->second.entries.contains(index)) {
      return absl::OutOfRangeError(absl::StrFormat("raft log of region %d: entry %d is not stored",
                                                   region_id.value(), index.value()));
    }
    if (IsDamaged(group->second, index)) return CorruptEntry(region_id, index);
    const raft::Entry& entry = group->second.entries.at(index);
    bytes += entry.data.size();
    if (!found.empty() && bytes > max_bytes) break;
    found.push_back(entry);
  }
  return found;
}

absl::StatusOr<Term> MemoryLogEngine::TermAt(RegionId region_id, Index index) const {
  {
    MutexLock lock(mutex_);
    const auto group = visible_.find(region_id);
    if (group != visible_.end() && group->second.truncated.index == index) {
      return group->second.truncated.term;
    }
  }
  const absl::StatusOr<std::vector<raft::Entry>> entry = Entries(region_id, index, index + 1, 0);
  if (!entry.ok()) return entry.status();
  return entry->front().term;
}

uint64_t MemoryLogEngine::ApproximateBytes() const {
  MutexLock lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [region_id, group] : visible_) {
    for (const auto& [index, entry] : group.entries) bytes += entry.data.size() + 32;
  }
  return bytes;
}

uint64_t MemoryLogEngine::DurablePosition() const {
  MutexLock lock(mutex_);
  return position_;
}

void MemoryLogEngine::HoldWrites(bool hold) {
  MutexLock lock(mutex_);
  if (hold == hold_) return;
  hold_ = hold;
  if (hold) {
    durable_ = visible_;
  } else {
    position_ += held_.size();
    durable_.clear();
    held_.clear();
  }
}

size_t MemoryLogEngine::Sync(size_t writes) {
  MutexLock lock(mutex_);
  for (; writes > 0 && !held_.empty(); --writes) {
    for (const LogChange& change : held_.front().changes) Apply(change, durable_);
    held_.pop_front();
    ++position_;
  }
  return held_.size();
}

void MemoryLogEngine::Crash(size_t kept) {
  Sync(kept);
  MutexLock lock(mutex_);
  if (!hold_) return;
  held_.clear();
  visible_ = durable_;
}

void MemoryLogEngine::CopyDurable(const MemoryLogEngine& other) {
  CHECK(&other != this);
  Groups groups;
  uint64_t position = 0;
  {
    MutexLock lock(other.mutex_);
    groups = other.hold_ ? other.durable_ : other.visible_;
    position = other.position_;
  }
  MutexLock lock(mutex_);
  CHECK(!hold_);
  visible_ = std::move(groups);
  position_ = position;
}

void MemoryLogEngine::FailNextWrite(absl::Status status, bool reaches_the_disk) {
  MutexLock lock(mutex_);
  next_error_ = std::move(status);
  failed_reaches_the_disk_ = reaches_the_disk;
}

void MemoryLogEngine::Corrupt(RegionId region_id, Index index) {
  MutexLock lock(mutex_);
  CHECK(visible_.contains(region_id) && visible_[region_id].entries.contains(index))
      << "region " << region_id << " entry " << index;
  Group& group = visible_[region_id];
  group.corrupt[index] = true;
  raft::Entry& entry = group.entries.at(index);
  if (entry.data.empty()) return;
  std::string data(entry.data.view());
  data.back() = static_cast<char>(static_cast<unsigned char>(data.back()) ^ 1u);
  entry.data = Bytes(std::move(data));
}

}  // namespace flotilla::raftlog
