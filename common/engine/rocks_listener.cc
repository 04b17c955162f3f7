#include "common/engine/rocks_listener.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/engine/rocks_status.h"

namespace flotilla::engine {
namespace {

std::string NameOf(rocksdb::BackgroundErrorReason reason) {
  using Reason = rocksdb::BackgroundErrorReason;
  switch (reason) {
    case Reason::kFlush:
    case Reason::kFlushNoWAL:
      return "a flush failed";
    case Reason::kCompaction:
      return "a compaction failed";
    case Reason::kWriteCallback:
    case Reason::kMemTable:
      return "a write failed";
    case Reason::kManifestWrite:
    case Reason::kManifestWriteNoWAL:
      return "a write of the manifest failed";
    default:
      return "background work failed";
  }
}

}  // namespace

RocksListener::RocksListener(std::string engine, metrics::Registry* metrics,
                             env::FailStop* fail_stop)
    : engine_(std::move(engine)), fail_stop_(fail_stop) {
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
    LOG_WARN("{} engine: {}: {}", engine_, NameOf(reason), status->ToString());
    return;
  }
  env::StopForDisk(fail_stop_,
                   FromRocks(absl::StrCat(engine_, " engine: ", NameOf(reason)), *status));
}

}  // namespace flotilla::engine
