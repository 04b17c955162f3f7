// Replaces the data of a region by those of a received snapshot.
//
// Every step may be interrupted by a crash and is harmless when it is repeated; docs/snapshot.md
// tells what each leaves. Memory does not depend on the size: files are linked into the engine.
//
// Thread: the apply worker of the region.
#ifndef FLOTILLA_STORE_SNAPSHOT_INSTALLER_H_
#define FLOTILLA_STORE_SNAPSHOT_INSTALLER_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/key_range.h"
#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"
#include "store/snapshot/registry.h"

namespace flotilla::store {

class SnapshotInstaller {
 public:
  // All must outlive the installer.
  SnapshotInstaller(engine::KvEngine* engine, SnapshotRegistry* registry, const env::Clock* clock,
                    metrics::Registry* metrics);

  using StateWriter =
      absl::FunctionRef<void(const SnapshotManifest& manifest, engine::WriteBatch& batch)>;

  // 1. verifies the files, 2. deletes the data of the snapshot's range and of `also_delete` (what
  // the region held besides and no other region of the store holds), 3. takes the files in, 4.
  // writes what `add_state` puts into a batch (region state, applied position), 5. flushes. Returns
  // the manifest. The received files stay: Forget removes them when they are not needed any more.
  // NotFound: no such snapshot was received. DataLoss: a file does not match the manifest; nothing
  // was changed. Any other error leaves the range without a meaning, to be installed again.
  absl::StatusOr<SnapshotManifest> Install(const SnapshotId& id,
                                           const std::vector<KeyRange>& also_delete,
                                           StateWriter add_state);
  // The snapshot is installed, and the record that says "installing" is durably gone.
  void Forget(const SnapshotId& id);

 private:
  absl::Status AddDeletion(const KeyRange& range, engine::WriteBatch& batch) const;
  absl::Status VerifyFiles(const StoredSnapshot& snapshot) const;

  engine::KvEngine* const engine_;
  SnapshotRegistry* const registry_;
  const env::Clock* const clock_;
  metrics::Histogram& seconds_;
  metrics::Counter& bytes_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_INSTALLER_H_
