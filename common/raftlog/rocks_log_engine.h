// The production log engine: a RocksDB of its own, one synced write batch a Write.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_RAFTLOG_ROCKS_LOG_ENGINE_H_
#define FLOTILLA_COMMON_RAFTLOG_ROCKS_LOG_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "common/base/mutex.h"
#include "common/base/units.h"
#include "common/env/fail_stop.h"
#include "common/metrics/registry.h"
#include "common/raftlog/log_engine.h"

namespace rocksdb {
class DB;
class Env;
class WriteBatch;
}  // namespace rocksdb

namespace flotilla::raftlog {

class FlushGate;
class LogStarts;

struct RocksLogOptions {
  // Entries are written to a table, those that are truncated excepted, after so many bytes; the
  // write-ahead files take two to three times as much. Less than what the data engine keeps in
  // memory, so that it flushes for both (flush_gate.h).
  uint64_t memtable_bytes = 48 * kMiB;
  // Memtables, one being written and the others on their way to disk, before writes wait.
  int max_memtables = 4;
  uint64_t block_cache_bytes = 32 * kMiB;
  // Threads for flushes and compactions.
  int background_jobs = 2;
  // "none", "lz4" or "zstd": of tables, not of the write-ahead log.
  std::string compression = "lz4";
  // Null: nothing is counted.
  metrics::Registry* metrics = nullptr;
  // Hears that a flush or a compaction failed (null: the process aborts), and that an entry is
  // damaged (null: the reader hears alone).
  env::FailStop* fail_stop = nullptr;
  // Where the files are; null: the file system. For tests.
  rocksdb::Env* env = nullptr;
};

class RocksLogEngine final : public LogEngine {
 public:
  // Opens or creates the database in directory `path`, whose parent exists. DataLoss when it is
  // damaged; Unavailable when another process has it open.
  static absl::StatusOr<std::unique_ptr<RocksLogEngine>> Open(const std::string& path,
                                                              const RocksLogOptions& options);
  ~RocksLogEngine() override;

  absl::Status Write(const LogBatch& batch) override;
  absl::StatusOr<std::map<RegionId, GroupState>> LoadAll() const override;
  absl::StatusOr<GroupState> Load(RegionId region_id) const override;
  absl::StatusOr<std::vector<raft::Entry>> Entries(RegionId region_id, Index low, Index high,
                                                   uint64_t max_bytes) const override;
  absl::StatusOr<Term> TermAt(RegionId region_id, Index index) const override;
  void SetFlushPreparation(FlushPreparation preparation) override;
  uint64_t ApproximateBytes() const override;
  uint64_t DurablePosition() const override;

  // Writes what is in memory to tables, and merges all tables into one level, without the entries
  // that were truncated. For tests and benchmarks.
  absl::Status Compact();

 private:
  class Listener;
  // Where a group's log starts and ends; what Write must know to drop what is replaced.
  struct Position {
    raft::EntryId truncated;
    Index last;
  };

  RocksLogEngine(std::shared_ptr<LogStarts> starts, std::shared_ptr<FlushGate> gate,
                 env::FailStop* fail_stop);
  absl::StatusOr<std::vector<raft::Entry>> ReadEntries(RegionId region_id, Index low, Index high,
                                                       uint64_t max_bytes) const;
  // Stops the process if `status` says that a region's log is damaged.
  absl::Status StopIfDamaged(RegionId region_id, const absl::Status& status) const;
  absl::StatusOr<Position> PositionOf(RegionId region_id) const;
  absl::StatusOr<Position> ReadPosition(RegionId region_id) const;
  // Takes `position`, as read from the database, for the group's unless it is known already: a
  // write may have moved it since. Returns the known one.
  Position Remember(RegionId region_id, const Position& position) const;
  static void AddChange(const LogChange& change, Position& position, rocksdb::WriteBatch& batch);
  static void AddEntries(const LogChange& change, Position& position, rocksdb::WriteBatch& batch);
  // Reads the rows of [start, end).
  absl::StatusOr<std::map<RegionId, GroupState>> Scan(const std::string& start,
                                                      const std::string& end) const;

  const std::shared_ptr<LogStarts> starts_;
  const std::shared_ptr<FlushGate> gate_;
  env::FailStop* const fail_stop_;
  std::unique_ptr<rocksdb::DB> db_;
  // RocksDB's sequence number after the last write that was synced.
  std::atomic<uint64_t> position_{0};
  mutable Mutex mutex_;
  mutable absl::flat_hash_map<RegionId, Position> positions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_ROCKS_LOG_ENGINE_H_
