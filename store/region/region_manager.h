// All peers of a store: which groups exist, are being started or stopped, and which were removed
// for good. Starts them at boot, for splits and for messages; destroys them.
//
// Thread-safe. One mutex around the table of groups; it is never held while the host or the engine
// is called.
#ifndef FLOTILLA_STORE_REGION_REGION_MANAGER_H_
#define FLOTILLA_STORE_REGION_REGION_MANAGER_H_

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/base/mutex.h"
#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/multiraft/host.h"
#include "common/net/transport.h"
#include "store/region/member_finder.h"
#include "store/region/message_context.h"
#include "store/region/peer_services.h"
#include "store/region/region_index.h"
#include "store/region/region_peer.h"
#include "store/region/region_state_machine.h"
#include "store/region/region_storage.h"
#include "store/region/unknown_region.h"

namespace flotilla::store {

// Where snapshots come from and go to. Thread-safe; never blocks.
class SnapshotExchange {
 public:
  virtual ~SnapshotExchange() = default;
  virtual absl::StatusOr<raft::Snapshot> SnapshotFor(RegionId region_id, Index min_index) = 0;
  virtual void Send(net::Envelope envelope) = 0;
  virtual absl::StatusOr<metapb::Region> ReceivedRegion(const raft::Snapshot& snapshot) = 0;
  virtual void ForgetReceived(RegionId region_id, Index at) = 0;
};

// All must outlive the manager.
struct RegionManagerDependencies {
  StoreId store_id;
  engine::KvEngine* engine = nullptr;
  const env::Clock* clock = nullptr;
  net::Transport* transport = nullptr;
  RegionIndex* index = nullptr;
  SnapshotExchange* snapshots = nullptr;
  StateInstaller* installer = nullptr;
  DiskRoom* room = nullptr;
  MemberFinder* members = nullptr;
  // May be null.
  HashSink* hashes = nullptr;
};

class RegionManager final : public PeerServices, public multiraft::Tenant {
 public:
  using ReportSink = absl::AnyInvocable<void(pdpb::RegionHeartbeatRequest) const>;
  using SplitCheckSink = absl::AnyInvocable<void(RegionViewPtr) const>;
  using HashReportSink = absl::AnyInvocable<void(RegionId, PeerId from, const HashReport&) const>;

  RegionManager(const RegionManagerDependencies& dependencies, const RegionPeerConfig& config);

  // Before anything else is called. The host must outlive all calls.
  void Connect(multiraft::Host* host, ReportSink report, SplitCheckSink check_split);
  // Before anything else, or never: who hears what replicas on other stores hold.
  void SetHashReportSink(HashReportSink sink) { on_hash_report_ = std::move(sink); }
  // The peers that bootstrap found. `tombstones` are of regions without a peer.
  void Start(const std::vector<PersistedRegion>& regions, std::vector<RegionState> tombstones);

  // Whatever comes from other stores.
  void OnEnvelope(net::Envelope envelope);
  // Heartbeats every region that is led here.
  void ReportAll();
  // Asks every region that is led here, and has another voter that keeps up, to hand its leadership
  // over. Returns how many there are; the outcome shows in the next call.
  size_t TransferLeadersAway();

  // multiraft::Tenant.
  absl::Status GroupNotFound(RegionId region_id) const override;
  absl::Status Busy() const override;
  void OnMessageToUnknownGroup(net::Envelope envelope) override;

  // PeerServices.
  RegionIndex& index() override { return *on_.index; }
  bool IsTombstone(RegionId region_id, PeerId peer) override;
  void StartChild(const RegionViewPtr& child, bool campaign) override;
  void DropReplayedPeer(const Region& child) override;
  void DestroyPeer(const Region& region, PeerId self,
                   std::optional<raft::EntryId> removed_at) override;
  void DestroyUninitialized(RegionId region_id, PeerId self) override;
  void Report(pdpb::RegionHeartbeatRequest report) override;
  void CheckSplit(RegionViewPtr view) override;
  void TellRemoved(StoreId store, const metapb::Region& region, PeerId removed) override;
  void SendToStore(net::Envelope envelope) override;
  void AskNewMembers(const PeerIdentity& self) override { on_.members->Ask(self); }
  absl::StatusOr<raft::Snapshot> SnapshotFor(RegionId region_id, Index min_index) override;
  void SendSnapshot(net::Envelope envelope) override;
  absl::StatusOr<metapb::Region> ReceivedRegion(const raft::Snapshot& snapshot) override;
  void ForgetReceived(RegionId region_id, Index at) override;

 private:
  enum class Life { kUninitialized, kRunning, kStopping };
  struct Group {
    PeerId peer;
    Life life = Life::kRunning;
  };
  struct WaitingChild {
    RegionViewPtr view;
    bool campaign = false;
  };

  void AddGroup(const RegionViewPtr& view, raft::EntryId applied, bool campaign);
  void AddUninitialized(RegionId region_id, PeerId peer);
  void StepPendingVotes(RegionId region_id);
  // Answers a request for the vote of a removed peer.
  void TellCommitted(const net::Envelope& request, raft::EntryId committed);
  // The group is gone from the host and from the log. Starts the child that waited for that.
  void OnRemoved(RegionId region_id, std::optional<RegionState> tombstone);
  // Deletes what the engine holds of a peer whose group is gone, and gives its range free.
  void ForgetState(RegionId region_id, PeerId self);
  void Stop(RegionId region_id, const RegionState& tombstone,
            absl::AnyInvocable<void() &&> before_free);

  const RegionManagerDependencies on_;
  const RegionPeerEnvironment peer_environment_;
  multiraft::Host* host_ = nullptr;
  ReportSink report_;
  SplitCheckSink check_split_;
  HashReportSink on_hash_report_;

  Mutex mutex_;
  std::map<RegionId, Group> groups_ ABSL_GUARDED_BY(mutex_);
  std::map<RegionId, RegionState> tombstones_ ABSL_GUARDED_BY(mutex_);
  // Children whose uninitialized peers have to go first.
  std::map<RegionId, WaitingChild> waiting_ ABSL_GUARDED_BY(mutex_);
  PendingVotes votes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_REGION_MANAGER_H_
