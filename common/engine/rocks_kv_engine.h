// The production data engine: one RocksDB, four column families, no write-ahead log, atomic flush.
//
// Thread-safe. An error of its background work (a flush or compaction that cannot be written) and a
// table that does not match its checksum, whoever reads it, stop the process: a store that cannot
// trust its disk must not answer.
#ifndef FLOTILLA_COMMON_ENGINE_ROCKS_KV_ENGINE_H_
#define FLOTILLA_COMMON_ENGINE_ROCKS_KV_ENGINE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/engine/kv_engine.h"
#include "common/env/fail_stop.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Status;
struct ReadOptions;
}  // namespace rocksdb

namespace flotilla::engine {

struct RocksKvOptions;

// Longest key that the engine takes: "the end of the column family" is a key that is longer.
inline constexpr size_t kMaxKeyBytes = 16 << 10;

class RocksKvEngine final : public KvEngine {
 public:
  // Opens or creates the database in directory `path`, whose parent exists. DataLoss when it is
  // damaged; Unavailable when another process has it open.
  static absl::StatusOr<std::unique_ptr<RocksKvEngine>> Open(const std::string& path,
                                                             const RocksKvOptions& options);
  // Does not flush: what is not flushed is lost, as by a crash. REQUIRES: no snapshot, iterator or
  // batch is alive.
  ~RocksKvEngine() override;

  std::unique_ptr<WriteBatch> NewBatch() override;
  absl::Status Write(WriteBatch& batch) override;
  absl::StatusOr<std::optional<std::string>> Get(ColumnFamily cf, std::string_view key,
                                                 const ReadOptions& options = {}) const override;
  absl::StatusOr<bool> GetTo(ColumnFamily cf, std::string_view key, std::string& value,
                             const ReadOptions& options = {}) const override;
  absl::StatusOr<std::optional<std::string>> GetFlushed(ColumnFamily cf,
                                                        std::string_view key) const override;
  std::shared_ptr<const Snapshot> NewSnapshot() const override;
  std::unique_ptr<Iterator> NewIterator(ColumnFamily cf,
                                        const ReadOptions& options = {}) const override;
  absl::Status Flush() override;
  absl::Status StartFlush() override;
  uint64_t UnflushedBytes() const override;
  void SetFlushListener(absl::AnyInvocable<void() const> listener) override;
  absl::StatusOr<TableFile> ExportRange(const Snapshot& snapshot, ColumnFamily cf,
                                        const KeyRange& range,
                                        const std::string& path) const override;
  // Hard links the files into the database where the file system can, and copies them otherwise;
  // the files at their own paths stay.
  absl::Status IngestFiles(const std::vector<TableFile>& files) override;
  uint64_t ApproximateBytes(const KeyRange& range) const override;

  // Bytes of table files on disk.
  uint64_t DiskBytes() const;

 private:
  class Batch;
  class Listener;
  class RocksIterator;
  class RocksSnapshot;

  RocksKvEngine(std::shared_ptr<Listener> listener, env::FailStop* fail_stop);
  absl::Status OutcomeOf(std::string_view what, const rocksdb::Status& status) const;
  rocksdb::ColumnFamilyHandle* handle(ColumnFamily cf) const {
    return handles_[static_cast<size_t>(cf)];
  }
  absl::Status StartOrWaitForFlush(bool wait);

  const std::shared_ptr<Listener> listener_;
  env::FailStop* const fail_stop_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kColumnFamilyCount> handles_{};
};

}  // namespace flotilla::engine

#endif  // FLOTILLA_COMMON_ENGINE_ROCKS_KV_ENGINE_H_
