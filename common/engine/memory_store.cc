#include "common/engine/memory_store.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/planted_bugs.h"
#include "common/base/status_macros.h"

namespace flotilla::engine {
namespace {

absl::Status DoesNotMatch(ColumnFamily cf, std::string_view key) {
  return absl::DataLossError(absl::StrCat("data engine: key ", absl::CHexEscape(ToAbsl(key)),
                                          " of column family ", static_cast<int>(cf),
                                          " does not match its checksum"));
}

void FlipBit(std::string& value, uint64_t bit) {
  char& byte = value[bit / 8 % value.size()];
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1u << bit % 8));
}

}  // namespace

uint64_t MemoryStore::Apply(const std::vector<Operation>& operations) {
  MutexLock lock(mutex_);
  ++sequence_;
  if (!frozen_) unflushed_writes_.push_back(operations);
  for (const Operation& operation : operations) {
    if (const Put* put = std::get_if<Put>(&operation)) {
      Add(put->cf, put->key, put->value);
    } else {
      Delete(std::get<RangeDeletion>(operation));
    }
  }
  return unflushed_bytes_;
}

void MemoryStore::Add(ColumnFamily cf, const std::string& key, std::optional<std::string> value) {
  unflushed_bytes_ += key.size() + (value ? value->size() : 0);
  unflushed_.emplace(cf, key);
  Versions& versions = table(cf)[key];
  if (!versions.empty() && versions.back().sequence == sequence_) {
    versions.back().value = std::move(value);
  } else {
    versions.push_back({sequence_, std::move(value)});
  }
  if (versions.size() == 1 && versions.back().value) return;
  if (!Prune(versions)) {
    table(cf).erase(key);
    unpruned_.erase({cf, key});
  } else if (versions.size() > 1 || !versions.back().value) {
    unpruned_.emplace(cf, key);
  }
}

void MemoryStore::Delete(const RangeDeletion& deletion) {
  Table& keys = table(deletion.cf);
  std::vector<std::string> doomed;
  for (auto it = keys.lower_bound(deletion.range.start);
       it != keys.end() && deletion.range.Contains(it->first); ++it) {
    if (it->second.back().value) doomed.push_back(it->first);
  }
  for (const std::string& key : doomed) Add(deletion.cf, key, std::nullopt);
}

const std::string* MemoryStore::ValueAt(const Versions& versions, Sequence view) {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (it->sequence <= view) return it->value ? &*it->value : nullptr;
  }
  return nullptr;
}

absl::Status MemoryStore::CheckRow(ColumnFamily cf, const std::string& key,
                                   const Versions& versions, Sequence view) const {
  if (damaged_.empty() || Planted(Bug::kDamageServed)) return absl::OkStatus();
  const auto damaged = damaged_.find({cf, key});
  if (damaged == damaged_.end()) return absl::OkStatus();
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (it->sequence > view) continue;
    return it->sequence <= damaged->second ? DoesNotMatch(cf, key) : absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> MemoryStore::Get(ColumnFamily cf, std::string_view key,
                                                            Sequence view) const {
  MutexLock lock(mutex_);
  const auto it = table(cf).find(key);
  if (it == table(cf).end()) return std::nullopt;
  const std::string* value = ValueAt(it->second, view);
  if (value == nullptr) return std::nullopt;
  RETURN_IF_ERROR(CheckRow(cf, it->first, it->second, view));
  return *value;
}

absl::StatusOr<std::optional<std::string>> MemoryStore::GetFlushed(ColumnFamily cf,
                                                                   std::string_view key) const {
  MutexLock lock(mutex_);
  const FlushedTable& keys = flushed_[static_cast<size_t>(cf)];
  const auto it = keys.find(key);
  if (it == keys.end()) return std::nullopt;
  if (!Planted(Bug::kDamageServed) && damaged_.contains({cf, it->first})) {
    return DoesNotMatch(cf, key);
  }
  return it->second;
}

Sequence MemoryStore::OpenView() {
  MutexLock lock(mutex_);
  views_.insert(sequence_);
  return sequence_;
}

void MemoryStore::CloseView(Sequence view) {
  MutexLock lock(mutex_);
  const auto it = views_.find(view);
  CHECK(it != views_.end()) << "view " << view;
  const bool was_oldest = it == views_.begin();
  views_.erase(it);
  if (was_oldest && (views_.empty() || *views_.begin() != view)) PruneAll();
}

size_t MemoryStore::view_count() const {
  MutexLock lock(mutex_);
  return views_.size();
}

absl::StatusOr<std::optional<MemoryStore::KeyValue>> MemoryStore::Ascend(ColumnFamily cf,
                                                                         std::string_view key,
                                                                         bool exclusive,
                                                                         const KeyRange& bounds,
                                                                         Sequence view) const {
  MutexLock lock(mutex_);
  const Table& keys = table(cf);
  auto it = key < bounds.start ? keys.lower_bound(bounds.start)
            : exclusive        ? keys.upper_bound(key)
                               : keys.lower_bound(key);
  for (; it != keys.end() && bounds.Contains(it->first); ++it) {
    const std::string* value = ValueAt(it->second, view);
    if (value == nullptr) continue;
    RETURN_IF_ERROR(CheckRow(cf, it->first, it->second, view));
    return KeyValue(it->first, *value);
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<MemoryStore::KeyValue>> MemoryStore::Descend(
    ColumnFamily cf, std::optional<std::string_view> key, bool exclusive, const KeyRange& bounds,
    Sequence view) const {
  MutexLock lock(mutex_);
  const Table& keys = table(cf);
  // `it` stands behind the first candidate.
  auto it = !key ? keys.end() : exclusive ? keys.lower_bound(*key) : keys.upper_bound(*key);
  if (!bounds.end.empty() && (!key || *key >= bounds.end)) it = keys.lower_bound(bounds.end);
  while (it != keys.begin()) {
    --it;
    if (it->first < bounds.start) break;
    const std::string* value = ValueAt(it->second, view);
    if (value == nullptr) continue;
    RETURN_IF_ERROR(CheckRow(cf, it->first, it->second, view));
    return KeyValue(it->first, *value);
  }
  return std::nullopt;
}

void MemoryStore::Flush() {
  MutexLock lock(mutex_);
  FlushLocked();
}

void MemoryStore::FlushLocked() {
  if (frozen_) return;
  for (const auto& [cf, key] : unflushed_) {
    if (!damaged_.empty()) damaged_.erase({cf, key});
    FlushedTable& flushed = flushed_[static_cast<size_t>(cf)];
    const auto it = table(cf).find(key);
    const std::string* value = it == table(cf).end() ? nullptr : ValueAt(it->second, kLatest);
    if (value == nullptr) {
      flushed.erase(key);
    } else {
      flushed[key] = *value;
    }
  }
  unflushed_.clear();
  unflushed_bytes_ = 0;
  unflushed_writes_.clear();
}

void MemoryStore::Freeze() {
  MutexLock lock(mutex_);
  frozen_ = true;
}

size_t MemoryStore::UnflushedWrites() const {
  MutexLock lock(mutex_);
  return unflushed_writes_.size();
}

uint64_t MemoryStore::UnflushedBytes() const {
  MutexLock lock(mutex_);
  return unflushed_bytes_;
}

// Deletions of ranges included, even of those that held nothing.
bool MemoryStore::OverlapsUnflushed(ColumnFamily cf, const Rows& rows) const {
  const std::string& first = rows.front().first;
  const std::string& last = rows.back().first;
  const auto key = unflushed_.lower_bound({cf, first});
  if (key != unflushed_.end() && key->first == cf && key->second <= last) return true;
  for (const std::vector<Operation>& write : unflushed_writes_) {
    for (const Operation& operation : write) {
      const auto* deletion = std::get_if<RangeDeletion>(&operation);
      if (deletion == nullptr || deletion->cf != cf || deletion->range.start > last) continue;
      if (deletion->range.end.empty() || deletion->range.end > first) return true;
    }
  }
  return false;
}

void MemoryStore::Ingest(const std::vector<std::pair<ColumnFamily, Rows>>& tables) {
  MutexLock lock(mutex_);
  bool overlaps_unflushed = false;
  for (const auto& [cf, rows] : tables) {
    if (rows.empty()) continue;
    overlaps_unflushed |= OverlapsUnflushed(cf, rows);
    for (auto it = table(cf).lower_bound(rows.front().first);
         it != table(cf).end() && it->first <= rows.back().first; ++it) {
      CHECK(!it->second.back().value) << "a table is taken in over a live key";
    }
  }
  if (overlaps_unflushed) FlushLocked();
  ++sequence_;
  for (const auto& [cf, rows] : tables) {
    for (const auto& [key, value] : rows) {
      Versions& versions = table(cf)[key];
      versions.push_back({sequence_, value});
      if (versions.size() > 1) unpruned_.emplace(cf, key);
      if (frozen_) continue;
      flushed_[static_cast<size_t>(cf)][key] = value;
      damaged_.erase({cf, key});
    }
  }
}

uint64_t MemoryStore::Bytes(const KeyRange& range) const {
  MutexLock lock(mutex_);
  uint64_t bytes = 0;
  for (const ColumnFamily cf : kDataColumnFamilies) {
    const Table& keys = table(cf);
    for (auto it = keys.lower_bound(range.start); it != keys.end() && range.Contains(it->first);
         ++it) {
      const std::string* value = ValueAt(it->second, kLatest);
      if (value != nullptr) bytes += it->first.size() + value->size();
    }
  }
  return bytes;
}

void MemoryStore::Keep(const Operation& operation) {
  if (const Put* put = std::get_if<Put>(&operation)) {
    damaged_.erase({put->cf, put->key});
    FlushedTable& flushed = flushed_[static_cast<size_t>(put->cf)];
    if (put->value) {
      flushed[put->key] = *put->value;
    } else {
      flushed.erase(put->key);
    }
    return;
  }
  const RangeDeletion& deletion = std::get<RangeDeletion>(operation);
  FlushedTable& flushed = flushed_[static_cast<size_t>(deletion.cf)];
  const std::string& end = deletion.range.end;
  std::erase_if(damaged_, [&](const auto& row) {
    return row.first.first == deletion.cf && deletion.range.Contains(row.first.second);
  });
  flushed.erase(flushed.lower_bound(deletion.range.start),
                end.empty() ? flushed.end() : flushed.lower_bound(end));
}

void MemoryStore::Crash(size_t kept) {
  MutexLock lock(mutex_);
  CHECK(views_.empty()) << views_.size() << " views are alive over a crash";
  CHECK_LE(kept, unflushed_writes_.size());
  for (size_t i = 0; i < kept; ++i) {
    for (const Operation& operation : unflushed_writes_[i]) Keep(operation);
  }
  unflushed_writes_.clear();
  frozen_ = false;
  ++sequence_;
  for (int i = 0; i < kColumnFamilyCount; ++i) {
    live_[i].clear();
    for (const auto& [key, value] : flushed_[i]) live_[i][key] = {{sequence_, value}};
  }
  for (auto& [row, at] : damaged_) at = sequence_;
  unpruned_.clear();
  unflushed_.clear();
  unflushed_bytes_ = 0;
}

std::vector<std::pair<ColumnFamily, std::string>> MemoryStore::FlushedKeys() const {
  MutexLock lock(mutex_);
  std::vector<std::pair<ColumnFamily, std::string>> keys;
  for (int i = 0; i < kColumnFamilyCount; ++i) {
    const auto cf = static_cast<ColumnFamily>(i);
    for (const auto& [key, value] : flushed_[i]) {
      if (!value.empty() && !unflushed_.contains({cf, key})) keys.emplace_back(cf, key);
    }
  }
  return keys;
}

void MemoryStore::Damage(ColumnFamily cf, const std::string& key, uint64_t bit) {
  MutexLock lock(mutex_);
  const auto flushed = flushed_[static_cast<size_t>(cf)].find(key);
  const auto live = table(cf).find(key);
  CHECK(flushed != flushed_[static_cast<size_t>(cf)].end() && live != table(cf).end() &&
        live->second.back().value == flushed->second && !unflushed_.contains({cf, key}));
  FlipBit(flushed->second, bit);
  live->second.back().value = flushed->second;
  damaged_[{cf, key}] = sequence_;
}

void MemoryStore::CopyFlushed(const MemoryStore& other) {
  CHECK(&other != this);
  std::array<FlushedTable, kColumnFamilyCount> flushed;
  {
    MutexLock lock(other.mutex_);
    flushed = other.flushed_;
  }
  {
    MutexLock lock(mutex_);
    flushed_ = std::move(flushed);
    unflushed_writes_.clear();
  }
  Crash();
}

bool MemoryStore::Prune(Versions& versions) const {
  // A version is needed by the views between it and the next one; the newest by all later ones.
  Versions kept;
  for (size_t i = 0; i < versions.size(); ++i) {
    const bool newest = i + 1 == versions.size();
    const auto view = views_.lower_bound(versions[i].sequence);
    const bool seen = newest || (view != views_.end() && *view < versions[i + 1].sequence);
    // A deletion that hides nothing says no more than an absent key.
    if (seen && (versions[i].value || !kept.empty())) kept.push_back(std::move(versions[i]));
  }
  versions = std::move(kept);
  return !versions.empty();
}

void MemoryStore::PruneAll() {
  for (auto it = unpruned_.begin(); it != unpruned_.end();) {
    Table& keys = table(it->first);
    const auto key = keys.find(it->second);
    const bool left = key != keys.end() && Prune(key->second);
    if (!left && key != keys.end()) keys.erase(key);
    const bool pruned = !left || (key->second.size() == 1 && key->second.front().value);
    it = pruned ? unpruned_.erase(it) : std::next(it);
  }
}

}  // namespace flotilla::engine
