// A region's peer on its raft worker: what is checked before a proposal, what is made of effects,
// who is told.
//
// Thread: the raft worker that owns the group; all state is its own. What others must see is in the
// RegionView and PublishedPeer.
#ifndef FLOTILLA_STORE_REGION_REGION_PEER_H_
#define FLOTILLA_STORE_REGION_REGION_PEER_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/multiraft/peer_delegate.h"
#include "store/operation/conf_change.h"
#include "store/region/disk_room.h"
#include "store/region/peer_report.h"
#include "store/region/peer_services.h"
#include "store/region/region_index.h"
#include "store/region/region_state_machine.h"

namespace flotilla::store {

struct RegionPeerConfig {
  // A heartbeat to PD at least so often, and on every change at once.
  env::Duration heartbeat_interval = std::chrono::seconds(60);
  // The same while the region has fewer voters than it should: at first, and in the long run.
  env::Duration short_heartbeat_interval = std::chrono::seconds(2);
  env::Duration long_heartbeat_interval = std::chrono::seconds(10);
  // How often a leader looks at its followers and its growth.
  env::Duration inspect_interval = std::chrono::seconds(1);
  // A peer that has heard of no leader for so long asks whether it is still a member: those whom it
  // knows, and after as long again also those of whom PD knows.
  env::Duration leader_missing_timeout = std::chrono::seconds(10);
  // Growth that calls for a split check.
  uint64_t check_after_bytes = 6 << 20;
  uint64_t check_after_keys = 60'000;
};

// What all peers of a store share; outlives them.
struct RegionPeerEnvironment {
  RegionPeerConfig config;
  const engine::KvEngine* engine = nullptr;
  const env::Clock* clock = nullptr;
  PeerServices* services = nullptr;
  DiskRoom* room = nullptr;
};

class RegionPeer final : public multiraft::PeerDelegate {
 public:
  // `view` is null for a peer that waits for its first snapshot.
  RegionPeer(PeerIdentity self, RegionViewPtr view, std::shared_ptr<PublishedPeer> published,
             const RegionPeerEnvironment& environment);

  void OnStart(multiraft::PeerHandle* handle) override;
  absl::Status CheckProposal(const multiraft::Proposal& proposal) override;
  absl::Status NotLeader(PeerId leader) const override;
  bool AcceptMessage(const net::Envelope& envelope) override;
  bool AddressMessage(net::Envelope& envelope) override;
  absl::StatusOr<raft::Snapshot> SnapshotFor(PeerId to, Index min_index) override;
  bool SendSnapshot(net::Envelope& envelope) override;
  absl::Status CheckSnapshot(const raft::Snapshot& snapshot) override;
  std::vector<std::pair<std::string, std::string>> SnapshotRecords(
      const raft::Snapshot& snapshot) override;
  bool OutlivesSnapshots(std::string_view command) const override;
  Index FlushedApplied() const override;
  void OnRoleChange(const raft::SoftState& state, Term term) override;
  void OnLeaderReady(Term term) override;
  void OnApplied(std::unique_ptr<multiraft::AppliedEffect> effect) override;
  void OnConfChanged(const raft::ConfState& conf_state) override;
  void OnTick() override;
  void OnStop() override;

  // Another store says that this peer was removed.
  void OnRemovedNotice(const metapb::Region& region, PeerId removed);
  // Another peer, on `store`, asks whether it is still a member.
  void OnMembershipQuestion(PeerId peer, StoreId store);
  // Heartbeats now if this peer leads.
  void Report();
  // Hands leadership to the voter that is furthest, if this peer leads.
  void TransferAway();

 private:
  uint64_t conf_ver() const {
    return view_ == nullptr ? told_conf_ver_ : view_->region.epoch().conf_ver;
  }
  bool leads() const { return role_ == raft::Role::kLeader; }
  void Publish(Region region);
  void OnAppliedLate(const multiraft::AppliedEffect& effect);
  void OnMembersChanged(const ConfChangeEffect& change);
  void TellRemoved(StoreId store, PeerId removed);
  void OnInstalled(const Region& region, Index at);
  void SendReport();
  void InspectFollowers(env::Instant now);
  void CheckGrowth();
  void AskForMembership(env::Instant now);
  void SawLeader(env::Instant now);

  const PeerIdentity self_;
  const RegionPeerEnvironment env_;
  const std::shared_ptr<PublishedPeer> published_;

  RegionViewPtr view_;
  Bytes range_hint_;  // Encoded for messages to peers that may not exist yet.
  multiraft::PeerHandle* handle_ = nullptr;
  raft::Role role_ = raft::Role::kFollower;
  PeerId leader_;
  Term term_;
  // Stores of peers that are not yet, or not any more, in the region's metadata.
  std::map<PeerId, StoreId> learnt_stores_;
  bool destroying_ = false;
  struct {
    bool reserved = false;    // A received one holds a reservation of its range ...
    bool installing = false;  // ... and the log took it.
    // Those before are of an earlier epoch: of other members, or another range, and their receivers
    // would refuse them.
    Index floor;
  } snapshot_;
  // While the peer has no state: what its leader's messages told.
  uint64_t told_conf_ver_ = 0;
  FollowerWatch followers_;
  env::Instant now_{};  // As of the last tick.
  TrafficMark reported_traffic_;
  struct {
    uint64_t bytes = 0;
    uint64_t keys = 0;
  } split_checked_;  // Traffic as of the last split check.
  env::Duration report_interval_{};
  env::Instant next_report_{};
  env::Instant next_inspection_{};
  env::Instant leader_seen_{};
  bool asked_in_vain_ = false;  // Since then, at least once.
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_REGION_PEER_H_
