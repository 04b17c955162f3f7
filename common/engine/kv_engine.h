// The data engine of a process: ordered keys in a few column families, batches applied atomically.
//
// There is no write-ahead log underneath: the Raft log is it. A write is visible at once and
// durable after the next flush, which takes all column families at one point in the order of
// writes: what a crash leaves is a consistent prefix. See docs/durability.md.
//
// Thread-safe. rocks_kv_engine.h is the production engine, memory_kv_engine.h its twin with a crash
// model; both pass tests/common/engine's conformance tests.
#ifndef FLOTILLA_COMMON_ENGINE_KV_ENGINE_H_
#define FLOTILLA_COMMON_ENGINE_KV_ENGINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/key_range.h"

namespace flotilla::engine {

enum class ColumnFamily : uint8_t {
  kDefault = 0,  // Raw values; long transactional values.
  kLock = 1,     // Transactional locks.
  kWrite = 2,    // Transactional commit records.
  kMeta = 3,     // Region states and applied positions; PD's metadata.
};
inline constexpr int kColumnFamilyCount = 4;
inline constexpr ColumnFamily kDataColumnFamilies[] = {ColumnFamily::kDefault, ColumnFamily::kLock,
                                                       ColumnFamily::kWrite};

// Mutations that become visible together. Not thread-safe.
class WriteBatch {
 public:
  virtual ~WriteBatch() = default;
  virtual void Put(ColumnFamily cf, std::string_view key, std::string_view value) = 0;
  virtual void Delete(ColumnFamily cf, std::string_view key) = 0;
  // REQUIRES: range is not empty. An empty end deletes to the end of the column family.
  virtual void DeleteRange(ColumnFamily cf, const KeyRange& range) = 0;
  virtual void Clear() = 0;
  virtual size_t ByteSize() const = 0;
  virtual bool empty() const = 0;
};

// A view of the engine at one point in the order of writes. Thread-safe.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
};

// Not thread-safe. The views of key() and value() live until the iterator moves.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  virtual void Seek(std::string_view key) = 0;         // First key >= `key`.
  virtual void SeekForPrev(std::string_view key) = 0;  // Last key <= `key`.
  virtual void Next() = 0;
  virtual void Prev() = 0;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  // Not OK when the iterator became invalid by an error; ask after the last Valid().
  virtual absl::Status status() const = 0;
};

struct ReadOptions {
  const Snapshot* snapshot = nullptr;  // Null: the latest state.
  KeyRange bounds;                     // Iterators do not leave it.
  bool fill_cache = true;
};

// A sorted file of one column family, made by ExportRange and taken in by IngestFiles.
struct TableFile {
  ColumnFamily cf = ColumnFamily::kDefault;
  std::string path;
  uint64_t size_bytes = 0;
  uint64_t key_count = 0;
};

class KvEngine {
 public:
  virtual ~KvEngine() = default;

  virtual std::unique_ptr<WriteBatch> NewBatch() = 0;
  // Applies the batch at once. `batch` must come from this engine's NewBatch; it is not cleared.
  virtual absl::Status Write(WriteBatch& batch) = 0;

  // nullopt: no such key. DataLoss: a checksum did not match.
  virtual absl::StatusOr<std::optional<std::string>> Get(ColumnFamily cf, std::string_view key,
                                                         const ReadOptions& options = {}) const = 0;
  // Appends the value to `value` without further copies where the engine can; false: no such key.
  virtual absl::StatusOr<bool> GetTo(ColumnFamily cf, std::string_view key, std::string& value,
                                     const ReadOptions& options = {}) const = 0;
  // What a crash right now would leave of `key`: the flushed state.
  virtual absl::StatusOr<std::optional<std::string>> GetFlushed(ColumnFamily cf,
                                                                std::string_view key) const = 0;

  virtual std::shared_ptr<const Snapshot> NewSnapshot() const = 0;
  virtual std::unique_ptr<Iterator> NewIterator(ColumnFamily cf,
                                                const ReadOptions& options = {}) const = 0;

  // Makes every write before this call durable; waits for it.
  virtual absl::Status Flush() = 0;
  // Starts a flush and does not wait; the flush listener hears of its end.
  virtual absl::Status StartFlush() = 0;
  // Bytes written and not flushed yet.
  virtual uint64_t UnflushedBytes() const = 0;
  // `listener` runs on an engine thread after each flush, however it was caused. Set before use.
  virtual void SetFlushListener(absl::AnyInvocable<void() const> listener) = 0;

  // Writes the keys of `range` in `cf`, as of `snapshot`, to a new file at `path`, synced. Returns
  // a file with key_count 0, and makes none, when there is no key. Keys carry no sequence numbers.
  virtual absl::StatusOr<TableFile> ExportRange(const Snapshot& snapshot, ColumnFamily cf,
                                                const KeyRange& range,
                                                const std::string& path) const = 0;
  // Takes the files in, all or nothing; they are copied or moved. REQUIRES: their ranges hold no
  // key.
  virtual absl::Status IngestFiles(const std::vector<TableFile>& files) = 0;

  // Approximate bytes on disk and in memory of `range` in the data column families.
  virtual uint64_t ApproximateBytes(const KeyRange& range) const = 0;
};

}  // namespace flotilla::engine

#endif  // FLOTILLA_COMMON_ENGINE_KV_ENGINE_H_
