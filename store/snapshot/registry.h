// The snapshots that lie in a store's snapshot directory: those built here to be sent, and those
// received to be installed.
//
//   <root>/built_<id>_<n>/      files and MANIFEST; removed at every start
//   <root>/received_<id>_<n>/   files and MANIFEST; kept until removed: an installation may need it
//   <root>/*.tmp/               being made; removed at every start
//
// A directory gets its final name only when everything in it is synced. Thread-safe.
#ifndef FLOTILLA_STORE_SNAPSHOT_REGISTRY_H_
#define FLOTILLA_STORE_SNAPSHOT_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/file_system.h"
#include "common/metrics/registry.h"
#include "store/snapshot/manifest.h"

namespace flotilla::store {

struct SnapshotRegistryOptions {
  std::string root;
  // All snapshots together, those being made included (by what they say they will take).
  uint64_t max_bytes = 64ull << 30;
  // Snapshots that may be on their way in at once.
  size_t max_receiving = 8;
  // Bytes that the disk has room for; null: any.
  std::function<uint64_t()> room = nullptr;
  // A snapshot that nobody has used for so long is removed.
  env::Duration max_idle = std::chrono::minutes(30);
};

enum class SnapshotKind : uint8_t { kBuilt = 0, kReceived = 1 };

// A complete snapshot. Whoever holds it keeps its files.
struct StoredSnapshot {
  SnapshotManifest manifest;
  std::string dir;

  std::string PathOf(const SnapshotFile& file) const { return dir + "/" + FileName(file); }
};
using StoredSnapshotPtr = std::shared_ptr<const StoredSnapshot>;

class SnapshotRegistry {
 public:
  // A snapshot being made. Destroyed without Commit it is removed.
  class Draft {
   public:
    // SnapshotRegistry::Begin makes them.
    Draft(SnapshotRegistry* registry, SnapshotKind kind, SnapshotId id, std::string dir);
    ~Draft();
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;

    const std::string& dir() const { return dir_; }
    // REQUIRES: all files of the manifest are in dir(), synced. Call once.
    absl::StatusOr<StoredSnapshotPtr> Commit(const SnapshotManifest& manifest);

   private:
    SnapshotRegistry* const registry_;
    const std::pair<SnapshotKind, SnapshotId> key_;
    const std::string dir_;
    bool committed_ = false;
  };

  // Lists the directory, creating it if need be, and removes what is of no use. A received snapshot
  // whose manifest cannot be read is removed, and logged: it is sent again. `files`, `clock` and
  // `metrics` must outlive the registry.
  static absl::StatusOr<std::unique_ptr<SnapshotRegistry>> Open(
      const SnapshotRegistryOptions& options, env::FileSystem* files, const env::Clock* clock,
      metrics::Registry* metrics);
  ~SnapshotRegistry();

  // Starts a snapshot of about `bytes`. AlreadyExists: there is one, or one is being made.
  // ResourceExhausted: too many, or no room within max_bytes or on the disk. The registry must
  // outlive the draft.
  absl::StatusOr<std::unique_ptr<Draft>> Begin(SnapshotKind kind, const SnapshotId& id,
                                               uint64_t bytes);
  // Null when there is none.
  StoredSnapshotPtr Find(SnapshotKind kind, const SnapshotId& id);
  // The newest one of the region at `min_index` or later; null when there is none.
  StoredSnapshotPtr FindNewest(SnapshotKind kind, RegionId region_id, Index min_index);
  // Not found any more; the files go once nobody holds them (CollectGarbage). OK when there is
  // none.
  void Remove(SnapshotKind kind, const SnapshotId& id);
  // Removes the region's snapshots of that kind before `index`.
  void RemoveBefore(SnapshotKind kind, RegionId region_id, Index index);
  // Deletes the files of what was removed, and of what is idle for too long.
  void CollectGarbage();

  uint64_t bytes() const;
  env::FileSystem& files() { return *files_; }

 private:
  struct Metrics;
  using Key = std::pair<SnapshotKind, SnapshotId>;
  struct Entry {
    std::shared_ptr<StoredSnapshot> snapshot;  // Null while it is being made.
    uint64_t bytes = 0;
    env::Instant last_used;
  };

  SnapshotRegistry(const SnapshotRegistryOptions& options, env::FileSystem* files,
                   const env::Clock* clock, metrics::Registry* metrics);
  absl::Status LoadDir(const std::string& name);
  std::string NewDir(const Key& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<StoredSnapshotPtr> Commit(const Key& key, const std::string& draft_dir,
                                           const SnapshotManifest& manifest);
  void Abandon(const Key& key, const std::string& draft_dir);
  void DoomLocked(std::map<Key, Entry>::iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const SnapshotRegistryOptions options_;
  env::FileSystem* const files_;
  const env::Clock* const clock_;
  const std::unique_ptr<Metrics> metrics_;

  mutable Mutex mutex_;
  std::map<Key, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  // Removed, but perhaps still held.
  std::vector<std::shared_ptr<StoredSnapshot>> doomed_ ABSL_GUARDED_BY(mutex_);
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_dir_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_REGISTRY_H_
