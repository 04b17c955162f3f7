#include "store/snapshot/installer.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/log.h"
#include "common/base/planted_bugs.h"
#include "common/base/status_macros.h"
#include "store/snapshot/file_checksum.h"

namespace flotilla::store {

SnapshotInstaller::SnapshotInstaller(engine::KvEngine* engine, SnapshotRegistry* registry,
                                     const env::Clock* clock, metrics::Registry* metrics)
    : engine_(engine),
      registry_(registry),
      clock_(clock),
      seconds_(metrics->AddHistogram("flotilla_snapshot_install_seconds",
                                     "Time that it took to install a snapshot",
                                     metrics::LatencyBounds())),
      bytes_(metrics->AddCounter("flotilla_snapshot_installed_bytes_total",
                                 "Bytes of the snapshots that were installed")) {}

absl::StatusOr<SnapshotManifest> SnapshotInstaller::Install(
    const SnapshotId& id, const std::vector<KeyRange>& also_delete, StateWriter add_state) {
  const env::Instant start = clock_->Now();
  const StoredSnapshotPtr snapshot = registry_->Find(SnapshotKind::kReceived, id);
  if (snapshot == nullptr) {
    return absl::NotFoundError(absl::StrFormat("snapshot %s was not received", ToString(id)));
  }
  RETURN_IF_ERROR(VerifyFiles(*snapshot));
  const SnapshotManifest& manifest = snapshot->manifest;

  // Not in one batch with the state: a state without data would be a lie after a crash between.
  const std::unique_ptr<engine::WriteBatch> batch = engine_->NewBatch();
  RETURN_IF_ERROR(AddDeletion(manifest.range, *batch));
  for (const KeyRange& range : also_delete) RETURN_IF_ERROR(AddDeletion(range, *batch));
  if (Planted(Bug::kSnapshotOverOldData)) batch->Clear();
  if (!batch->empty()) RETURN_IF_ERROR(engine_->Write(*batch));

  std::vector<engine::TableFile> tables;
  for (const SnapshotFile& file : manifest.files) {
    tables.push_back({file.cf, snapshot->PathOf(file), file.size_bytes, file.key_count});
  }
  RETURN_IF_ERROR(engine_->IngestFiles(tables));

  batch->Clear();
  add_state(manifest, *batch);
  RETURN_IF_ERROR(engine_->Write(*batch));
  RETURN_IF_ERROR(engine_->Flush());

  const std::chrono::duration<double> seconds = clock_->Now() - start;
  seconds_.Observe(seconds.count());
  bytes_.Increment(static_cast<double>(manifest.TotalBytes()));
  LOG_INFO("snapshot {} of {} bytes was installed in {:.3f} s", ToString(id), manifest.TotalBytes(),
           seconds.count());
  return manifest;
}

void SnapshotInstaller::Forget(const SnapshotId& id) {
  registry_->Remove(SnapshotKind::kReceived, id);
}

// A range without a key gets no deletion, which would cost a flush when the files are taken in. If
// it is empty only by a deletion that a crash takes back, the installation is repeated and sees the
// keys.
absl::Status SnapshotInstaller::AddDeletion(const KeyRange& range,
                                            engine::WriteBatch& batch) const {
  engine::ReadOptions options;
  options.bounds = range;
  options.fill_cache = false;
  for (const engine::ColumnFamily cf : engine::kDataColumnFamilies) {
    const std::unique_ptr<engine::Iterator> it = engine_->NewIterator(cf, options);
    it->SeekToFirst();
    if (it->Valid()) batch.DeleteRange(cf, range);
    RETURN_IF_ERROR(it->status());
  }
  return absl::OkStatus();
}

absl::Status SnapshotInstaller::VerifyFiles(const StoredSnapshot& snapshot) const {
  for (const SnapshotFile& file : snapshot.manifest.files) {
    const std::string path = snapshot.PathOf(file);
    ASSIGN_OR_RETURN(const uint64_t size, registry_->files().FileSize(path));
    ASSIGN_OR_RETURN(const uint64_t checksum,
                     FileChecksum(registry_->files(), path, file.size_bytes));
    if (size != file.size_bytes || checksum != file.checksum) {
      return absl::DataLossError(absl::StrFormat("%s does not match its manifest", path));
    }
  }
  return absl::OkStatus();
}

}  // namespace flotilla::store
