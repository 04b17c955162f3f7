// Makes snapshots of regions: exports a region's range from one view of the engine to files.
//
// Thread: the snapshot-build stage, which blocks on the disk; Request is thread-safe. Place in the
// way of a snapshot: progress -> builder -> registry -> sender -> receiver -> installer.
#ifndef FLOTILLA_STORE_SNAPSHOT_BUILDER_H_
#define FLOTILLA_STORE_SNAPSHOT_BUILDER_H_

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/env/inbox.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "common/raft/types.h"
#include "store/snapshot/registry.h"

namespace flotilla::store {

// A region as one view of the engine shows it.
struct RegionInView {
  raft::EntryId applied;
  KeyRange range;
  std::string state;  // For SnapshotManifest::state.
};
// Reads it from the meta column family, through ReadOptions{.snapshot = &view}. NotFound: the store
// has no such region (any more).
using RegionReader =
    absl::AnyInvocable<absl::StatusOr<RegionInView>(const engine::Snapshot& view, RegionId) const>;

class SnapshotBuilder final : public env::Stage {
 public:
  // All must outlive the builder.
  SnapshotBuilder(engine::KvEngine* engine, SnapshotRegistry* registry, const env::Clock* clock,
                  metrics::Registry* metrics, RegionReader reader);
  ~SnapshotBuilder() override;

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }

  // A snapshot of the region at `min_index` or later. Unavailable while it is being made, which the
  // first call starts; after a failed attempt a later call starts another one.
  // ResourceExhausted: too many regions wait.
  absl::StatusOr<StoredSnapshotPtr> Request(RegionId region_id, Index min_index);

  std::string_view name() const override { return "snapshot-build"; }
  // Makes one snapshot, or collects the registry's garbage.
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override { return next_collection_; }

 private:
  struct Metrics;
  absl::StatusOr<StoredSnapshotPtr> Build(RegionId region_id);
  absl::StatusOr<SnapshotManifest> Export(const engine::Snapshot& view, const SnapshotId& id,
                                          const RegionInView& region, const std::string& dir);

  engine::KvEngine* const engine_;
  SnapshotRegistry* const registry_;
  const env::Clock* const clock_;
  const std::unique_ptr<Metrics> metrics_;
  const RegionReader reader_;
  env::Inbox<RegionId> inbox_;
  std::vector<RegionId> taken_;
  std::deque<RegionId> waiting_;
  env::Instant next_collection_;

  Mutex mutex_;
  // Regions whose snapshot is being made (the end of time), or whose last attempt failed, and when
  // it may be tried again.
  std::map<RegionId, env::Instant> pending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_BUILDER_H_
