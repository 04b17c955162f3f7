// What a region's peer asks of the store around it. The store implements it; tests of peers and
// operations fake it.
//
// Thread-safe; never blocks. Called on raft workers.
#ifndef FLOTILLA_STORE_REGION_PEER_SERVICES_H_
#define FLOTILLA_STORE_REGION_PEER_SERVICES_H_

#include <optional>

#include "absl/status/statusor.h"
#include "common/net/envelope.h"
#include "common/raft/types.h"
#include "store/region/peer_identity.h"
#include "store/region/region.h"
#include "store/region/region_index.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::store {

class PeerServices {
 public:
  virtual ~PeerServices() = default;

  virtual RegionIndex& index() = 0;

  // --- Life of peers ----------------------------------------------------------------------------
  // True when that peer, or a later one of the region on this store, was removed for good.
  virtual bool IsTombstone(RegionId region_id, PeerId peer) = 0;
  // Starts the group of a child that is in the index already; its state is in the engine.
  virtual void StartChild(const RegionViewPtr& child, bool campaign) = 0;
  // Deletes what a replayed split wrote of a child that is a tombstone.
  virtual void DropReplayedPeer(const Region& child) = 0;
  // Stops the group for good. `region` is the last state known; `removed_at` is the entry that
  // removed the peer, if the state machine applied it and deleted the data itself.
  virtual void DestroyPeer(const Region& region, PeerId self,
                           std::optional<raft::EntryId> removed_at) = 0;
  // A peer that never got a state was told that it is not a member.
  virtual void DestroyUninitialized(RegionId region_id, PeerId self) = 0;

  // --- Word to others ---------------------------------------------------------------------------
  // To PD, of a region that this store leads.
  virtual void Report(pdpb::RegionHeartbeatRequest report) = 0;
  // The region grew: look whether it should be split.
  virtual void CheckSplit(RegionViewPtr view) = 0;
  // Tells another store that `removed` is no member of `region` any more.
  virtual void TellRemoved(StoreId store, const metapb::Region& region, PeerId removed) = 0;

  virtual void SendToStore(net::Envelope envelope) = 0;
  // Asks those who are members now, by PD's word, whether `self` is one.
  virtual void AskNewMembers(const PeerIdentity& self) = 0;

  // --- Snapshots --------------------------------------------------------------------------------
  virtual absl::StatusOr<raft::Snapshot> SnapshotFor(RegionId region_id, Index min_index) = 0;
  virtual void SendSnapshot(net::Envelope envelope) = 0;
  // Are the files of a received snapshot complete? Returns the region that it is of.
  virtual absl::StatusOr<metapb::Region> ReceivedRegion(const raft::Snapshot& snapshot) = 0;
  // Received snapshots of the region up to `at` are installed, durably, and not needed any more.
  virtual void ForgetReceived(RegionId region_id, Index at) = 0;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_PEER_SERVICES_H_
