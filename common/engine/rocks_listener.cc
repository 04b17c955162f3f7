#include "common/engine/rocks_listener.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"

namespace flotilla::engine {

RocksListener::RocksListener(std::string engine, metrics::Registry* metrics)
    : engine_(std::move(engine)) {
  if (metrics == nullptr) return;
  const auto counter = [&](const std::string& by) {
    return &metrics->AddCounter("flotilla_engine_table_written_bytes_total",
                                "Bytes of tables that flushes and compactions wrote",
                                {{"engine", engine_}, {"by", by}});
  };
  flushed_ = counter("flush");
  compacted_ = counter("compaction");
}

void RocksListener::OnTableFileCreated(const rocksdb::TableFileCreationInfo& info) {
  if (!info.status.ok()) return;
  const bool flush = info.reason == rocksdb::TableFileCreationReason::kFlush;
  metrics::Counter* const counter = flush ? flushed_ : compacted_;
  if (counter != nullptr) counter->Increment(static_cast<double>(info.file_size));
}

void RocksListener::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                      rocksdb::Status* status) {
  // RocksDB itself tries again after a soft error (no space for a compaction); writes go on.
  if (status->severity() < rocksdb::Status::Severity::kHardError) {
    LOG_WARN("{} engine: background work {} failed: {}", engine_, static_cast<int>(reason),
             status->ToString());
    return;
  }
  CHECK(false) << engine_ << " engine: background work " << static_cast<int>(reason)
               << " failed, so the disk cannot be trusted; stopping: " << status->ToString();
}

}  // namespace flotilla::engine
