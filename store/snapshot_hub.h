// Joins the way of a snapshot (snapshot/service.h) to regions: what Raft asks of snapshots on one
// side, files and streams on the other.
//
//   leader    SnapshotFor -> builder (Unavailable meanwhile) ; Send -> sender -> ReportSnapshot
//   follower  receiver -> OnReceived -> RegionPeer::CheckSnapshot -> log reset with the record
//             "installing" -> Install (apply worker) -> record removed -> files forgotten
//
// Thread-safe; what may block runs on the stages of the service or on the apply worker.
#ifndef FLOTILLA_STORE_SNAPSHOT_HUB_H_
#define FLOTILLA_STORE_SNAPSHOT_HUB_H_

#include <string_view>

#include "common/engine/kv_engine.h"
#include "store/region/region_manager.h"
#include "store/region/region_state_machine.h"
#include "store/snapshot/service.h"

namespace flotilla::store {

// Reads what a snapshot must know of its region, as one view of the engine shows it.
absl::StatusOr<RegionInView> ReadRegionInView(const engine::KvEngine& engine,
                                              const engine::Snapshot& view, RegionId region_id);
// The members that a region's encoded state tells of.
absl::StatusOr<raft::ConfState> ConfStateOf(std::string_view state);

class SnapshotHub final : public SnapshotExchange, public StateInstaller {
 public:
  // `engine` must outlive the hub, as must all that it is connected to.
  explicit SnapshotHub(engine::KvEngine* engine) : engine_(engine) {}

  // The service before anything else, the manager before a message is received.
  void Connect(SnapshotService* service) { service_ = service; }
  void Connect(RegionManager* manager) { manager_ = manager; }

  // A complete snapshot arrived with this message. Blocks on a flush; runs on the receiver's stage.
  void OnReceived(net::Envelope envelope);

  // SnapshotExchange.
  absl::StatusOr<raft::Snapshot> SnapshotFor(RegionId region_id, Index min_index) override;
  void Send(net::Envelope envelope) override;
  absl::StatusOr<metapb::Region> ReceivedRegion(const raft::Snapshot& snapshot) override;
  void ForgetReceived(RegionId region_id, Index at) override;

  // StateInstaller.
  absl::StatusOr<metapb::Region> Install(const raft::Snapshot& snapshot, PeerId self) override;

 private:
  engine::KvEngine* const engine_;
  SnapshotService* service_ = nullptr;
  RegionManager* manager_ = nullptr;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_HUB_H_
