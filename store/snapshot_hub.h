// Joins the parts of store/snapshot to regions: what Raft asks of snapshots on one side, files and
// streams on the other.
//
//   leader    SnapshotFor -> builder (Unavailable meanwhile) ; Send -> sender -> ReportSnapshot
//   follower  receiver -> OnReceived -> RegionPeer::CheckSnapshot -> log reset with the record
//             "installing" -> Install (apply worker) -> record removed -> files forgotten
//
// Thread-safe; what may block runs on the stages of its parts or on the apply worker.
#ifndef FLOTILLA_STORE_SNAPSHOT_HUB_H_
#define FLOTILLA_STORE_SNAPSHOT_HUB_H_

#include "common/engine/kv_engine.h"
#include "common/multiraft/host.h"
#include "store/region/region_manager.h"
#include "store/region/region_state_machine.h"
#include "store/snapshot/builder.h"
#include "store/snapshot/installer.h"
#include "store/snapshot/registry.h"
#include "store/snapshot/sender.h"

namespace flotilla::store {

// Reads what a snapshot must know of its region, as one view of the engine shows it.
absl::StatusOr<RegionInView> ReadRegionInView(const engine::KvEngine& engine,
                                              const engine::Snapshot& view, RegionId region_id);

class SnapshotHub final : public SnapshotExchange, public StateInstaller {
 public:
  // All must outlive the hub.
  SnapshotHub(engine::KvEngine* engine, SnapshotRegistry* registry, SnapshotInstaller* installer);

  // Before anything but Install is called.
  void Connect(SnapshotBuilder* builder, SnapshotSender* sender, multiraft::Host* host,
               RegionManager* manager);

  // A complete snapshot arrived with this message. Blocks on a flush; runs on the receiver's stage.
  void OnReceived(net::Envelope envelope);

  // SnapshotExchange.
  absl::StatusOr<raft::Snapshot> SnapshotFor(RegionViewPtr view, PeerId to,
                                             Index min_index) override;
  void Send(net::Envelope envelope) override;
  absl::StatusOr<metapb::Region> ReceivedRegion(const raft::Snapshot& snapshot) override;
  void ForgetReceived(RegionId region_id, Index at) override;

  // StateInstaller.
  absl::StatusOr<metapb::Region> Install(const raft::Snapshot& snapshot, PeerId self) override;

 private:
  engine::KvEngine* const engine_;
  SnapshotRegistry* const registry_;
  SnapshotInstaller* const installer_;
  SnapshotBuilder* builder_ = nullptr;
  SnapshotSender* sender_ = nullptr;
  multiraft::Host* host_ = nullptr;
  RegionManager* manager_ = nullptr;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_HUB_H_
