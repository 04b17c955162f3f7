// The versions of keys behind a MemoryKvEngine: what is live, what each view sees, what is flushed.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_ENGINE_MEMORY_STORE_H_
#define FLOTILLA_COMMON_ENGINE_MEMORY_STORE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "common/base/key_range.h"
#include "common/base/mutex.h"
#include "common/engine/kv_engine.h"

namespace flotilla::engine {

// Counts writes; a view sees those up to its own number.
using Sequence = uint64_t;
inline constexpr Sequence kLatest = UINT64_MAX;

class MemoryStore {
 public:
  struct Put {
    ColumnFamily cf;
    std::string key;
    std::optional<std::string> value;  // nullopt: a deletion.
  };
  struct RangeDeletion {
    ColumnFamily cf;
    KeyRange range;
  };
  using Operation = std::variant<Put, RangeDeletion>;
  using Rows = std::vector<std::pair<std::string, std::string>>;
  using KeyValue = std::pair<std::string, std::string>;

  // Makes the operations visible together; returns UnflushedBytes.
  uint64_t Apply(const std::vector<Operation>& operations);

  // These four: DataLoss, with the key, when what they would return is damaged.
  absl::StatusOr<std::optional<std::string>> Get(ColumnFamily cf, std::string_view key,
                                                 Sequence view) const;
  absl::StatusOr<std::optional<std::string>> GetFlushed(ColumnFamily cf,
                                                        std::string_view key) const;

  // A view that stays readable until it is closed.
  Sequence OpenView();
  void CloseView(Sequence view);
  size_t view_count() const;

  // The first key >= `key` (> when `exclusive`) inside of `bounds`, at `view`.
  absl::StatusOr<std::optional<KeyValue>> Ascend(ColumnFamily cf, std::string_view key,
                                                 bool exclusive, const KeyRange& bounds,
                                                 Sequence view) const;
  // The last key <= `key` (< when `exclusive`) inside of `bounds`; nullopt `key`: the last of all.
  absl::StatusOr<std::optional<KeyValue>> Descend(ColumnFamily cf,
                                                  std::optional<std::string_view> key,
                                                  bool exclusive, const KeyRange& bounds,
                                                  Sequence view) const;

  void Flush();
  uint64_t UnflushedBytes() const;
  // Adds rows that become visible and durable at once. What waits for a flush in their ranges is
  // flushed first, with all the rest. REQUIRES: no live key lies between a table's first and last.
  void Ingest(const std::vector<std::pair<ColumnFamily, Rows>>& tables);
  uint64_t Bytes(const KeyRange& range) const;
  // Nothing becomes durable any more until the crash, whatever is flushed or taken in.
  void Freeze();
  // Writes that a crash may keep, oldest first: those since the last flush.
  size_t UnflushedWrites() const;
  // Goes back to the flushed state and the oldest `kept` of the writes since: a flush of them had
  // just ended, and nobody had heard of it. REQUIRES: kept <= UnflushedWrites().
  void Crash(size_t kept = 0);
  // Holds the flushed state of `other`. REQUIRES: no view is open.
  void CopyFlushed(const MemoryStore& other);

  // Keys whose newest values are flushed, and not empty: rows on the disk.
  std::vector<std::pair<ColumnFamily, std::string>> FlushedKeys() const;
  // A bit of the row's value flips, on the disk and for all views. REQUIRES: FlushedKeys has it.
  void Damage(ColumnFamily cf, const std::string& key, uint64_t bit);

 private:
  struct Version {
    Sequence sequence;
    std::optional<std::string> value;
  };
  // Of a key, oldest first.
  using Versions = std::vector<Version>;
  using Table = std::map<std::string, Versions, std::less<>>;
  using FlushedTable = std::map<std::string, std::string, std::less<>>;

  Table& table(ColumnFamily cf) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return live_[static_cast<size_t>(cf)];
  }
  const Table& table(ColumnFamily cf) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return live_[static_cast<size_t>(cf)];
  }
  static const std::string* ValueAt(const Versions& versions, Sequence view);
  // The value at `view` is about to be returned.
  absl::Status CheckRow(ColumnFamily cf, const std::string& key, const Versions& versions,
                        Sequence view) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void Add(ColumnFamily cf, const std::string& key, std::optional<std::string> value)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Delete(const RangeDeletion& deletion) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // In the flushed state.
  void Keep(const Operation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool OverlapsUnflushed(ColumnFamily cf, const Rows& rows) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Drops the versions that no view can see. Returns false when none is left.
  bool Prune(Versions& versions) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PruneAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  Sequence sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<Table, kColumnFamilyCount> live_ ABSL_GUARDED_BY(mutex_);
  std::array<FlushedTable, kColumnFamilyCount> flushed_ ABSL_GUARDED_BY(mutex_);
  std::multiset<Sequence> views_ ABSL_GUARDED_BY(mutex_);
  // Keys with more than one version, or whose only version is a deletion.
  std::set<std::pair<ColumnFamily, std::string>> unpruned_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<ColumnFamily, std::string>> unflushed_ ABSL_GUARDED_BY(mutex_);
  uint64_t unflushed_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::vector<Operation>> unflushed_writes_ ABSL_GUARDED_BY(mutex_);
  bool frozen_ ABSL_GUARDED_BY(mutex_) = false;
  // Rows whose values do not match their checksums, until they are written over, and the write
  // before which that happened: what is newer is not on the disk yet.
  std::map<std::pair<ColumnFamily, std::string>, Sequence> damaged_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::engine

#endif  // FLOTILLA_COMMON_ENGINE_MEMORY_STORE_H_
