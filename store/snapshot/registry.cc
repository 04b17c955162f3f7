#include "store/snapshot/registry.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace flotilla::store {
namespace {

constexpr std::string_view kPrefixes[] = {"built_", "received_"};
constexpr std::string_view kDraftSuffix = ".tmp";

}  // namespace

struct SnapshotRegistry::Metrics {
  explicit Metrics(metrics::Registry* registry)
      : bytes(registry->AddGauge("flotilla_snapshot_stored_bytes",
                                 "Bytes of the snapshots in the snapshot directory")),
        count(registry->AddGauge("flotilla_snapshot_stored",
                                 "Snapshots in the snapshot directory, unfinished ones included")) {
  }
  metrics::Gauge& bytes;
  metrics::Gauge& count;
};

SnapshotRegistry::Draft::Draft(SnapshotRegistry* registry, SnapshotKind kind, SnapshotId id,
                               std::string dir)
    : registry_(registry), key_(kind, id), dir_(std::move(dir)) {}

SnapshotRegistry::Draft::~Draft() {
  if (!committed_) registry_->Abandon(key_, dir_);
}

absl::StatusOr<StoredSnapshotPtr> SnapshotRegistry::Draft::Commit(
    const SnapshotManifest& manifest) {
  CHECK(!committed_) << ToString(key_.second) << " is committed twice";
  CHECK(manifest.id == key_.second)
      << ToString(manifest.id) << " is not the draft's " << ToString(key_.second);
  ASSIGN_OR_RETURN(StoredSnapshotPtr snapshot, registry_->Commit(key_, dir_, manifest));
  committed_ = true;
  return snapshot;
}

absl::StatusOr<std::unique_ptr<SnapshotRegistry>> SnapshotRegistry::Open(
    const SnapshotRegistryOptions& options, env::FileSystem* files, const env::Clock* clock,
    metrics::Registry* metrics) {
  auto registry =
      std::unique_ptr<SnapshotRegistry>(new SnapshotRegistry(options, files, clock, metrics));
  RETURN_IF_ERROR(files->CreateDir(options.root));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(options.root));
  for (const std::string& name : names) RETURN_IF_ERROR(registry->LoadDir(name));
  RETURN_IF_ERROR(files->SyncDir(options.root));
  return registry;
}

SnapshotRegistry::SnapshotRegistry(const SnapshotRegistryOptions& options, env::FileSystem* files,
                                   const env::Clock* clock, metrics::Registry* metrics)
    : options_(options),
      files_(files),
      clock_(clock),
      metrics_(std::make_unique<Metrics>(metrics)) {}

SnapshotRegistry::~SnapshotRegistry() = default;

absl::Status SnapshotRegistry::LoadDir(const std::string& name) {
  const std::string dir = options_.root + "/" + name;
  if (!name.starts_with(kPrefixes[1]) || name.ends_with(kDraftSuffix)) {
    return files_->RemoveAll(dir);
  }
  const auto data =
      env::ReadFile(*files_, dir + "/" + std::string(kManifestFileName), kMaxManifestBytes);
  auto manifest = data.ok() ? DecodeManifest(*data) : data.status();
  if (!manifest.ok()) {
    LOG_WARN("snapshot {} is removed: {}", name, manifest.status().ToString());
    return files_->RemoveAll(dir);
  }
  const Key key(SnapshotKind::kReceived, manifest->id);
  MutexLock lock(mutex_);
  if (entries_.contains(key)) return files_->RemoveAll(dir);  // Removed, and received again.
  Entry& entry = entries_[key];
  entry.bytes = manifest->TotalBytes();
  entry.last_used = clock_->Now();
  entry.snapshot = std::make_shared<StoredSnapshot>(StoredSnapshot{*std::move(manifest), dir});
  bytes_ += entry.bytes;
  CountLocked();
  return absl::OkStatus();
}

// Never used before in this run, so that a name which is still held is not given out again.
std::string SnapshotRegistry::NewDir(const Key& key) {
  const std::string name = options_.root + "/" +
                           std::string(kPrefixes[static_cast<size_t>(key.first)]) +
                           ToString(key.second);
  std::string dir;
  do {
    dir = absl::StrFormat("%s_%d", name, ++last_dir_);
  } while (files_->Exists(dir));
  return dir;
}

absl::StatusOr<std::unique_ptr<SnapshotRegistry::Draft>> SnapshotRegistry::Begin(
    SnapshotKind kind, const SnapshotId& id, uint64_t bytes) {
  const Key key(kind, id);
  std::string dir;
  {
    MutexLock lock(mutex_);
    if (entries_.contains(key)) {
      return absl::AlreadyExistsError(absl::StrFormat("snapshot %s exists", ToString(id)));
    }
    const auto being_received =
        std::count_if(entries_.begin(), entries_.end(), [](const auto& entry) {
          return entry.first.first == SnapshotKind::kReceived && entry.second.snapshot == nullptr;
        });
    if (kind == SnapshotKind::kReceived &&
        static_cast<size_t>(being_received) >= options_.max_receiving) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          "snapshot %s: %d snapshots are being received already", ToString(id), being_received));
    }
    if (bytes > options_.max_bytes || bytes_ > options_.max_bytes - bytes) {
      return absl::ResourceExhaustedError(
          absl::StrFormat("snapshot %s of %d bytes: the snapshots take %d of at most %d bytes",
                          ToString(id), bytes, bytes_, options_.max_bytes));
    }
    if (const uint64_t room = options_.room ? options_.room() : UINT64_MAX; bytes > room) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          "snapshot %s of %d bytes: the disk has room for %d", ToString(id), bytes, room));
    }
    Entry& entry = entries_[key];
    entry.bytes = bytes;
    entry.last_used = clock_->Now();
    bytes_ += bytes;
    CountLocked();
    dir = NewDir(key) + std::string(kDraftSuffix);
  }
  auto draft = std::make_unique<Draft>(this, kind, id, dir);
  RETURN_IF_ERROR(files_->RemoveAll(dir));
  RETURN_IF_ERROR(files_->CreateDir(dir));
  return draft;
}

absl::StatusOr<StoredSnapshotPtr> SnapshotRegistry::Commit(const Key& key,
                                                           const std::string& draft_dir,
                                                           const SnapshotManifest& manifest) {
  RETURN_IF_ERROR(env::WriteFileAtomically(
      *files_, draft_dir + "/" + std::string(kManifestFileName), EncodeManifest(manifest)));
  const std::string dir = draft_dir.substr(0, draft_dir.size() - kDraftSuffix.size());
  RETURN_IF_ERROR(files_->Rename(draft_dir, dir));
  RETURN_IF_ERROR(files_->SyncDir(options_.root));

  MutexLock lock(mutex_);
  Entry& entry = entries_.at(key);
  bytes_ -= entry.bytes;
  entry.bytes = manifest.TotalBytes();
  bytes_ += entry.bytes;
  entry.last_used = clock_->Now();
  entry.snapshot = std::make_shared<StoredSnapshot>(StoredSnapshot{manifest, dir});
  CountLocked();
  return StoredSnapshotPtr(entry.snapshot);
}

void SnapshotRegistry::Abandon(const Key& key, const std::string& draft_dir) {
  const absl::Status removed = files_->RemoveAll(draft_dir);
  if (!removed.ok()) LOG_WARN("an unfinished snapshot stays: {}", removed.ToString());
  MutexLock lock(mutex_);
  const auto it = entries_.find(key);
  CHECK(it != entries_.end() && it->second.snapshot == nullptr) << draft_dir;
  bytes_ -= it->second.bytes;
  entries_.erase(it);
  CountLocked();
}

StoredSnapshotPtr SnapshotRegistry::Find(SnapshotKind kind, const SnapshotId& id) {
  MutexLock lock(mutex_);
  const auto it = entries_.find(Key(kind, id));
  if (it == entries_.end() || it->second.snapshot == nullptr) return nullptr;
  it->second.last_used = clock_->Now();
  return it->second.snapshot;
}

StoredSnapshotPtr SnapshotRegistry::FindNewest(SnapshotKind kind, RegionId region_id,
                                               Index min_index) {
  MutexLock lock(mutex_);
  Entry* newest = nullptr;
  Index newest_index = min_index;
  for (auto it = entries_.lower_bound(Key(kind, {region_id, {}})); it != entries_.end(); ++it) {
    const auto& [entry_kind, id] = it->first;
    if (entry_kind != kind || id.region_id != region_id) break;
    if (it->second.snapshot == nullptr || id.position.index < newest_index) continue;
    newest = &it->second;
    newest_index = id.position.index;
  }
  if (newest == nullptr) return nullptr;
  newest->last_used = clock_->Now();
  return newest->snapshot;
}

void SnapshotRegistry::Remove(SnapshotKind kind, const SnapshotId& id) {
  MutexLock lock(mutex_);
  const auto it = entries_.find(Key(kind, id));
  if (it != entries_.end() && it->second.snapshot != nullptr) DoomLocked(it);
}

void SnapshotRegistry::RemoveBefore(SnapshotKind kind, RegionId region_id, Index index) {
  MutexLock lock(mutex_);
  for (auto it = entries_.lower_bound(Key(kind, {region_id, {}})); it != entries_.end();) {
    const auto at = it++;
    const auto& [entry_kind, id] = at->first;
    if (entry_kind != kind || id.region_id != region_id) break;
    if (at->second.snapshot != nullptr && id.position.index < index) DoomLocked(at);
  }
}

void SnapshotRegistry::DoomLocked(std::map<Key, Entry>::iterator it) {
  doomed_.push_back(std::move(it->second.snapshot));
  bytes_ -= it->second.bytes;
  entries_.erase(it);
  CountLocked();
}

void SnapshotRegistry::CollectGarbage() {
  std::vector<std::string> dirs;
  {
    MutexLock lock(mutex_);
    const env::Instant now = clock_->Now();
    for (auto it = entries_.begin(); it != entries_.end();) {
      const auto at = it++;
      const bool unused = at->second.snapshot != nullptr && at->second.snapshot.use_count() == 1;
      if (unused && now - at->second.last_used > options_.max_idle) DoomLocked(at);
    }
    std::erase_if(doomed_, [&dirs](const auto& snapshot) {
      if (snapshot.use_count() > 1) return false;
      dirs.push_back(snapshot->dir);
      return true;
    });
  }
  for (const std::string& dir : dirs) {
    const absl::Status removed = files_->RemoveAll(dir);
    // What stays is removed by the next start.
    if (!removed.ok()) LOG_WARN("a removed snapshot stays: {}", removed.ToString());
  }
}

uint64_t SnapshotRegistry::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

void SnapshotRegistry::CountLocked() {
  metrics_->bytes.Set(static_cast<double>(bytes_));
  metrics_->count.Set(static_cast<double>(entries_.size()));
}

}  // namespace flotilla::store
