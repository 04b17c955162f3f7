// The way of a snapshot, put together: what a store's regions ask for, send, receive and install.
//
// Thread-safe; nothing here blocks but Open and the installer. Its stages (builder, sender,
// receiver) run by the scheduler.
#ifndef FLOTILLA_STORE_SNAPSHOT_SERVICE_H_
#define FLOTILLA_STORE_SNAPSHOT_SERVICE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/env/file_system.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "common/net/envelope.h"
#include "common/raft/types.h"
#include "store/snapshot/builder.h"
#include "store/snapshot/installer.h"
#include "store/snapshot/receiver.h"
#include "store/snapshot/registry.h"
#include "store/snapshot/sender.h"
#include "store/snapshot/stream.h"

namespace flotilla::store {

struct SnapshotOptions {
  SnapshotRegistryOptions registry;
  SnapshotSenderOptions sender;
  SnapshotReceiverOptions receiver;
};

// All must outlive the service; the scheduler is stopped before the service is destroyed.
struct SnapshotDependencies {
  engine::KvEngine* engine = nullptr;
  env::FileSystem* files = nullptr;
  const env::Clock* clock = nullptr;
  env::Scheduler* scheduler = nullptr;
  SnapshotConnector* connector = nullptr;
  metrics::Registry* metrics = nullptr;
};

// What the store's regions know and the snapshots do not. Thread-safe; must not block, but for
// `read_region`, which reads the engine.
struct SnapshotCallbacks {
  RegionReader read_region;
  // The members that a manifest's state tells of.
  absl::AnyInvocable<absl::StatusOr<raft::ConfState>(std::string_view state) const> conf_state;
  // The Raft message of a snapshot that came in complete: step it.
  SnapshotReceiver::Deliver deliver;
  // Host::ReportSnapshot.
  absl::AnyInvocable<void(RegionId, PeerId to, bool succeeded) const> report;
};

class SnapshotService {
 public:
  // Reads the snapshot directory and adds the stages to the scheduler, which must not run yet.
  static absl::StatusOr<std::unique_ptr<SnapshotService>> Open(
      const SnapshotOptions& options, const SnapshotDependencies& dependencies,
      SnapshotCallbacks callbacks);

  // For PeerDelegate::SnapshotFor. Unavailable while it is being made; its data name it.
  absl::StatusOr<raft::Snapshot> SnapshotFor(RegionId region_id, Index min_index);
  // For PeerDelegate::SendSnapshot: sends the files of the snapshot that the message offers, and
  // the message with them; `report` hears the outcome. REQUIRES: an InstallSnapshot of a region.
  void Send(net::Envelope envelope);
  // For PeerDelegate::CheckSnapshot: SnapshotManifest::state of a snapshot that was received as a
  // whole. NotFound when it was not.
  absl::StatusOr<std::string> ReceivedState(const raft::Snapshot& snapshot);
  // For StateMachine::InstallSnapshot.
  SnapshotInstaller& installer() { return installer_; }
  // Another store has opened a stream.
  std::shared_ptr<IncomingSnapshot> Accept(std::shared_ptr<IncomingSnapshotControl> control) {
    return receiver_.Accept(std::move(control));
  }

  SnapshotRegistry& registry() { return *registry_; }

 private:
  SnapshotService(const SnapshotOptions& options, const SnapshotDependencies& on,
                  SnapshotCallbacks callbacks, std::unique_ptr<SnapshotRegistry> registry);

  const std::unique_ptr<SnapshotRegistry> registry_;
  const decltype(SnapshotCallbacks::conf_state) conf_state_;
  const decltype(SnapshotCallbacks::report) report_;
  SnapshotBuilder builder_;
  SnapshotSender sender_;
  SnapshotReceiver receiver_;
  SnapshotInstaller installer_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_SERVICE_H_
