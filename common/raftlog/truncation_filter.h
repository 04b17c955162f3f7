// Drops truncated entries when a memtable is flushed or tables are compacted.
//
// To truncate a log its new start is written, and nothing else: no tombstones. The entries before
// it are never read again, and most of them, being short-lived, are dropped here before they reach
// a table at all.
//
// Why no entry is dropped that is still needed: an entry is dropped when its index is at most the
// region's start as known here. (1) The start is raised here only after the write that moved it is
// durable. (2) Before a write that clears or resets a log, after which small indices may be in use
// again, its start is forgotten here; the new one is told after that write. A flush or compaction
// that still works with the old start reads only rows from before that write, which the write's
// range deletion covers.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_RAFTLOG_TRUNCATION_FILTER_H_
#define FLOTILLA_COMMON_RAFTLOG_TRUNCATION_FILTER_H_

#include <rocksdb/compaction_filter.h>

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "common/base/ids.h"
#include "common/base/mutex.h"

namespace flotilla::raftlog {

class LogStarts {
 public:
  // 0: not known.
  Index Of(RegionId region_id) const;
  void Set(RegionId region_id, Index truncated);
  void Forget(RegionId region_id);

 private:
  mutable Mutex mutex_;
  absl::flat_hash_map<RegionId, Index> starts_ ABSL_GUARDED_BY(mutex_);
};

class TruncationFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit TruncationFilterFactory(std::shared_ptr<const LogStarts> starts);

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& context) override;
  bool ShouldFilterTableFileCreation(rocksdb::TableFileCreationReason reason) const override;
  const char* Name() const override { return "flotilla.raftlog.TruncationFilterFactory"; }

 private:
  const std::shared_ptr<const LogStarts> starts_;
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_TRUNCATION_FILTER_H_
