#include "store/snapshot/builder.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "store/snapshot/file_checksum.h"

namespace flotilla::store {
namespace {

constexpr size_t kMaxWaitingRegions = 1024;
constexpr env::Duration kCollectInterval = std::chrono::seconds(10);
constexpr env::Duration kRetryInterval = std::chrono::seconds(1);
// A region that is waiting for, or under, construction.
constexpr env::Instant kUnderWay = env::Instant::max();

}  // namespace

struct SnapshotBuilder::Metrics {
  explicit Metrics(metrics::Registry* registry)
      : seconds(registry->AddHistogram("flotilla_snapshot_build_seconds",
                                       "Time that it took to make a snapshot",
                                       metrics::LatencyBounds())),
        bytes(registry->AddCounter("flotilla_snapshot_built_bytes_total",
                                   "Bytes of the snapshots that were made")),
        failures(registry->AddCounter("flotilla_snapshot_build_failures_total",
                                      "Snapshots that could not be made")) {}
  metrics::Histogram& seconds;
  metrics::Counter& bytes;
  metrics::Counter& failures;
};

SnapshotBuilder::SnapshotBuilder(engine::KvEngine* engine, SnapshotRegistry* registry,
                                 const env::Clock* clock, metrics::Registry* metrics,
                                 RegionReader reader)
    : engine_(engine),
      registry_(registry),
      clock_(clock),
      metrics_(std::make_unique<Metrics>(metrics)),
      reader_(std::move(reader)),
      inbox_(kMaxWaitingRegions),
      next_collection_(clock->Now() + kCollectInterval) {}

SnapshotBuilder::~SnapshotBuilder() = default;

absl::StatusOr<StoredSnapshotPtr> SnapshotBuilder::Request(RegionId region_id, Index min_index) {
  StoredSnapshotPtr found = registry_->FindNewest(SnapshotKind::kBuilt, region_id, min_index);
  if (found != nullptr) return found;
  {
    MutexLock lock(mutex_);
    const auto [it, added] = pending_.try_emplace(region_id, kUnderWay);
    if (!added) {
      if (clock_->Now() < it->second) {
        return absl::UnavailableError(
            absl::StrFormat("a snapshot of region %d is being made", region_id.value()));
      }
      it->second = kUnderWay;
    }
  }
  if (!inbox_.TryPush(RegionId(region_id))) {
    MutexLock lock(mutex_);
    pending_.erase(region_id);
    return absl::ResourceExhaustedError(
        absl::StrFormat("region %d: %d regions wait for a snapshot already", region_id.value(),
                        kMaxWaitingRegions));
  }
  return absl::UnavailableError(
      absl::StrFormat("a snapshot of region %d will be made", region_id.value()));
}

bool SnapshotBuilder::RunOnce() {
  const env::Instant now = clock_->Now();
  if (now >= next_collection_) {
    registry_->CollectGarbage();
    next_collection_ = now + kCollectInterval;
  }
  if (waiting_.empty()) {
    inbox_.TakeAll(taken_);
    waiting_.assign(taken_.begin(), taken_.end());
    taken_.clear();
  }
  if (waiting_.empty()) return false;
  const RegionId region_id = waiting_.front();
  waiting_.pop_front();
  const auto built = Build(region_id);
  const std::chrono::duration<double> seconds = clock_->Now() - now;
  MutexLock lock(mutex_);
  if (built.ok()) {
    metrics_->seconds.Observe(seconds.count());
    metrics_->bytes.Increment(static_cast<double>((*built)->manifest.TotalBytes()));
    LOG_INFO("snapshot {} of {} bytes was made in {:.3f} s", ToString((*built)->manifest.id),
             (*built)->manifest.TotalBytes(), seconds.count());
    pending_.erase(region_id);
  } else {
    metrics_->failures.Increment();
    LOG_WARN("no snapshot of region {} could be made: {}", region_id, built.status().ToString());
    pending_[region_id] = clock_->Now() + kRetryInterval;
  }
  return true;
}

absl::StatusOr<StoredSnapshotPtr> SnapshotBuilder::Build(RegionId region_id) {
  // One view for metadata and data: what is exported is the state at one applied position.
  const std::shared_ptr<const engine::Snapshot> view = engine_->NewSnapshot();
  ASSIGN_OR_RETURN(const RegionInView region, reader_(*view, region_id));
  const SnapshotId id{region_id, region.applied};
  // Asked for beyond what is applied here: the one that there is will have to do.
  if (StoredSnapshotPtr same = registry_->Find(SnapshotKind::kBuilt, id)) return same;

  const uint64_t about = engine_->ApproximateBytes(region.range);
  ASSIGN_OR_RETURN(const auto draft, registry_->Begin(SnapshotKind::kBuilt, id, about));
  ASSIGN_OR_RETURN(const SnapshotManifest manifest, Export(*view, id, region, draft->dir()));
  ASSIGN_OR_RETURN(StoredSnapshotPtr snapshot, draft->Commit(manifest));
  registry_->RemoveBefore(SnapshotKind::kBuilt, region_id, id.position.index);
  return snapshot;
}

absl::StatusOr<SnapshotManifest> SnapshotBuilder::Export(const engine::Snapshot& view,
                                                         const SnapshotId& id,
                                                         const RegionInView& region,
                                                         const std::string& dir) {
  SnapshotManifest manifest{.id = id, .range = region.range, .state = region.state, .files = {}};
  for (const engine::ColumnFamily cf : engine::kDataColumnFamilies) {
    SnapshotFile file{.cf = cf, .size_bytes = 0, .key_count = 0, .checksum = 0};
    const std::string path = dir + "/" + FileName(file);
    ASSIGN_OR_RETURN(const engine::TableFile table,
                     engine_->ExportRange(view, cf, region.range, path));
    if (table.key_count == 0) continue;
    file.size_bytes = table.size_bytes;
    file.key_count = table.key_count;
    ASSIGN_OR_RETURN(file.checksum, FileChecksum(registry_->files(), path, table.size_bytes));
    manifest.files.push_back(file);
  }
  return manifest;
}

}  // namespace flotilla::store
