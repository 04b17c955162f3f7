// The data engine of tests and the simulator: an ordered map of versions in memory, with a crash
// model. Writes are visible at once and lost by Crash unless a flush took them.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_ENGINE_MEMORY_KV_ENGINE_H_
#define FLOTILLA_COMMON_ENGINE_MEMORY_KV_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/engine/kv_engine.h"
#include "common/env/fail_stop.h"
#include "common/env/file_system.h"

namespace flotilla::engine {

class MemoryStore;

struct MemoryKvOptions {
  // A write that makes more than so many bytes unflushed is followed by a flush.
  uint64_t flush_at_bytes = 64 << 20;
};

class MemoryKvEngine final : public KvEngine {
 public:
  // `files` takes exported tables and must outlive the engine.
  explicit MemoryKvEngine(env::FileSystem* files, const MemoryKvOptions& options = {});
  ~MemoryKvEngine() override;

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
  absl::Status IngestFiles(const std::vector<TableFile>& files) override;
  uint64_t ApproximateBytes(const KeyRange& range) const override;

  // Writes that a crash may keep, oldest first: those since the last flush.
  size_t UnflushedWrites() const;
  // Goes back to the flushed state and the oldest `kept` of the writes since, as if a flush of them
  // had just ended. REQUIRES: no snapshot and no iterator is alive.
  void Crash(size_t kept = 0);
  // Holds what a crash now would leave of `other`. REQUIRES: no snapshot and no iterator is alive.
  void CopyFlushed(const MemoryKvEngine& other);
  // The next flush fails, as RocksDB's do: `fail_stop` hears of it, and nothing becomes durable any
  // more until the crash. False takes it back.
  void FailNextFlush(bool fail) { fails_next_flush_ = fail; }
  // Rows whose newest values are flushed.
  std::vector<std::pair<ColumnFamily, std::string>> FlushedKeys() const;
  // A bit of the row flips on the disk: reads of it are DataLoss, of which `fail_stop` hears, until
  // it is written over. REQUIRES: FlushedKeys has it.
  void Damage(ColumnFamily cf, const std::string& key, uint64_t bit);
  // Of the process that has the engine open.
  void SetFailStop(env::FailStop* fail_stop) { fail_stop_ = fail_stop; }

 private:
  class View;
  class ViewIterator;

  void FlushAndTell();
  // As production's: damage stops the process.
  absl::Status Outcome(const absl::Status& status) const;

  env::FileSystem* const files_;
  const MemoryKvOptions options_;
  const std::shared_ptr<MemoryStore> store_;
  absl::AnyInvocable<void() const> flush_listener_;
  env::FailStop* fail_stop_ = nullptr;
  std::atomic<bool> fails_next_flush_{false};
};

}  // namespace flotilla::engine

#endif  // FLOTILLA_COMMON_ENGINE_MEMORY_KV_ENGINE_H_
