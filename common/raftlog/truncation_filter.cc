#include "common/raftlog/truncation_filter.h"

#include <string_view>
#include <utility>

#include "common/raftlog/log_format.h"

namespace flotilla::raftlog {
namespace {

// One flush or compaction's filter; used by one thread.
class TruncationFilter final : public rocksdb::CompactionFilter {
 public:
  explicit TruncationFilter(std::shared_ptr<const LogStarts> starts) : starts_(std::move(starts)) {}

  Decision FilterV2(int /*level*/, const rocksdb::Slice& key, ValueType /*value_type*/,
                    const rocksdb::Slice& /*existing_value*/, std::string* /*new_value*/,
                    std::string* skip_until) const override {
    const absl::StatusOr<RowKey> row = ParseKey({key.data(), key.size()});
    if (!row.ok() || row->kind != RowKind::kEntry) return Decision::kKeep;
    const Index start = starts_->Of(row->region_id);
    if (row->index > start) return Decision::kKeep;
    *skip_until = EntryKey(row->region_id, start + 1);
    return Decision::kRemoveAndSkipUntil;
  }
  bool IgnoreSnapshots() const override { return true; }
  const char* Name() const override { return "flotilla.raftlog.TruncationFilter"; }

 private:
  const std::shared_ptr<const LogStarts> starts_;
};

}  // namespace

Index LogStarts::Of(RegionId region_id) const {
  MutexLock lock(mutex_);
  const auto it = starts_.find(region_id);
  return it == starts_.end() ? Index(0) : it->second;
}

void LogStarts::Set(RegionId region_id, Index truncated) {
  MutexLock lock(mutex_);
  starts_[region_id] = truncated;
}

void LogStarts::Forget(RegionId region_id) {
  MutexLock lock(mutex_);
  starts_.erase(region_id);
}

TruncationFilterFactory::TruncationFilterFactory(std::shared_ptr<const LogStarts> starts)
    : starts_(std::move(starts)) {}

std::unique_ptr<rocksdb::CompactionFilter> TruncationFilterFactory::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context& /*context*/) {
  return std::make_unique<TruncationFilter>(starts_);
}

bool TruncationFilterFactory::ShouldFilterTableFileCreation(
    rocksdb::TableFileCreationReason reason) const {
  return reason == rocksdb::TableFileCreationReason::kFlush ||
         reason == rocksdb::TableFileCreationReason::kCompaction;
}

}  // namespace flotilla::raftlog
