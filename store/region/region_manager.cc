#include "store/region/region_manager.h"

#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/errors/region_error.h"
#include "store/region/install_record.h"
#include "store/region/message_context.h"

namespace flotilla::store {
namespace {

constexpr uint64_t kBusyBackoffMs = 100;

RegionPeer& PeerOf(multiraft::PeerDelegate& delegate) {
  return static_cast<RegionPeer&>(delegate);  // This tenant makes no others.
}

}  // namespace

RegionManager::RegionManager(const RegionManagerDependencies& dependencies,
                             const RegionPeerConfig& config)
    : on_(dependencies),
      peer_environment_{.config = config,
                        .engine = on_.engine,
                        .clock = on_.clock,
                        .services = this,
                        .room = on_.room} {}

void RegionManager::Connect(multiraft::Host* host, ReportSink report, SplitCheckSink check_split) {
  host_ = host;
  report_ = std::move(report);
  check_split_ = std::move(check_split);
}

void RegionManager::Start(const std::vector<PersistedRegion>& regions,
                          std::vector<RegionState> tombstones) {
  std::vector<std::pair<RegionViewPtr, raft::EntryId>> started;
  {
    MutexLock lock(mutex_);
    for (RegionState& tombstone : tombstones) {
      const RegionId id(tombstone.region.id());
      tombstones_.insert_or_assign(id, std::move(tombstone));
    }
    for (const PersistedRegion& persisted : regions) {
      Region region(persisted.state.region);
      const metapb::Peer* self = region.FindPeer(persisted.state.peer_id);
      CHECK(self != nullptr) << "region " << region.id() << " without its own peer";
      metapb::Peer copy = *self;
      groups_[region.id()] = {persisted.state.peer_id, Life::kRunning};
      auto published = std::make_shared<PublishedPeer>();
      published->Publish(region.version());
      started.emplace_back(std::make_shared<const RegionView>(RegionView{
                               std::move(region), std::move(copy), std::move(published)}),
                           persisted.applied);
    }
  }
  for (const auto& [view, applied] : started) {
    on_.index->Put({view});
    AddGroup(view, applied, /*campaign=*/false);
  }
}

void RegionManager::AddGroup(const RegionViewPtr& view, raft::EntryId applied, bool campaign) {
  const PeerIdentity self{view->region.id(), PeerId(view->self.id()), on_.store_id};
  multiraft::GroupSpec spec;
  spec.region_id = self.region_id;
  spec.peer_id = self.peer_id;
  spec.conf_state = view->region.conf_state();
  spec.applied = applied;
  // A crash may have taken the log of a region whose state was flushed, or the other way round.
  spec.init_log_if_absent = applied == kInitialPosition;
  spec.campaign_at_start = campaign;
  spec.lease = std::shared_ptr<multiraft::LeaderLease>(view->peer, &view->peer->lease);
  spec.delegate = std::make_unique<RegionPeer>(self, view, view->peer, peer_environment_);
  spec.state_machine = std::make_unique<RegionStateMachine>(self, view->region, on_.engine,
                                                            on_.installer, on_.hashes, view->peer);
  host_->AddGroup(std::move(spec));
}

void RegionManager::AddUninitialized(RegionId region_id, PeerId peer) {
  const PeerIdentity self{region_id, peer, on_.store_id};
  auto published = std::make_shared<PublishedPeer>();
  multiraft::GroupSpec spec;
  spec.region_id = region_id;
  spec.peer_id = peer;
  spec.lease = std::shared_ptr<multiraft::LeaderLease>(published, &published->lease);
  spec.delegate = std::make_unique<RegionPeer>(self, nullptr, published, peer_environment_);
  spec.state_machine = std::make_unique<RegionStateMachine>(self, std::nullopt, on_.engine,
                                                            on_.installer, on_.hashes, published);
  host_->AddGroup(std::move(spec));
}

// --- Messages -----------------------------------------------------------------------------------

void RegionManager::OnEnvelope(net::Envelope envelope) {
  if (envelope.context.empty()) [[likely]] {
    host_->Step(std::move(envelope));
    return;
  }
  auto context = DecodeContext(envelope.context.view());
  if (!context.ok()) return;
  const RegionId region_id = envelope.region_id;
  if (auto* notice = std::get_if<RemovedNotice>(&*context)) {
    host_->WithPeer(region_id, [notice = std::move(*notice)](multiraft::PeerDelegate& delegate,
                                                             multiraft::PeerHandle&) {
      PeerOf(delegate).OnRemovedNotice(notice.region, notice.removed);
    });
  } else if (const auto* report = std::get_if<HashReport>(&*context)) {
    if (on_hash_report_) on_hash_report_(region_id, envelope.message.from, *report);
  } else if (std::holds_alternative<MembershipQuestion>(*context)) {
    bool known = false;
    {
      MutexLock lock(mutex_);
      known = groups_.contains(region_id);
    }
    if (!known) return OnMessageToUnknownGroup(std::move(envelope));
    host_->WithPeer(region_id, [peer = envelope.message.from, store = envelope.from_store](
                                   multiraft::PeerDelegate& delegate, multiraft::PeerHandle&) {
      PeerOf(delegate).OnMembershipQuestion(peer, store);
    });
  } else {
    host_->Step(std::move(envelope));
  }
}

void RegionManager::OnMessageToUnknownGroup(net::Envelope envelope) {
  const auto context = DecodeContext(envelope.context.view());
  if (!context.ok()) return;
  const RegionId region_id = envelope.region_id;
  const PeerId to = envelope.message.to;
  const auto* hint = std::get_if<RangeHint>(&*context);
  const bool range_taken = hint != nullptr && !on_.index->Overlapping(hint->range, 1).empty();
  std::optional<RegionState> tombstone;
  UnknownRegionAction action = UnknownRegionAction::kDrop;
  {
    MutexLock lock(mutex_);
    // It is being started or stopped: the sender will say it again.
    if (groups_.contains(region_id)) return;
    if (const auto it = tombstones_.find(region_id); it != tombstones_.end()) {
      tombstone = it->second;
    }
    action = DecideUnknown(envelope, *context, tombstone ? &*tombstone : nullptr, range_taken);
    if (action == UnknownRegionAction::kKeepVote) {
      votes_.Keep(std::move(envelope), on_.clock->Now());
    } else if (action == UnknownRegionAction::kCreatePeer) {
      groups_[region_id] = {to, Life::kUninitialized};
    }
  }
  if (action == UnknownRegionAction::kTellRemoved) {
    TellRemoved(envelope.from_store, tombstone->region, envelope.message.from);
  } else if (action == UnknownRegionAction::kTellCommitted) {
    TellCommitted(envelope, tombstone->removed_at);
  } else if (action == UnknownRegionAction::kCreatePeer) {
    LOG_INFO("region {} gets peer {} here, asked by store {}", region_id, to, envelope.from_store);
    AddUninitialized(region_id, to);
    host_->Step(std::move(envelope));
  }
}

void RegionManager::StepPendingVotes(RegionId region_id) {
  std::vector<net::Envelope> votes;
  {
    MutexLock lock(mutex_);
    votes = votes_.Take(region_id, on_.clock->Now());
  }
  for (net::Envelope& vote : votes) host_->Step(std::move(vote));
}

// --- Life of peers ------------------------------------------------------------------------------

bool RegionManager::IsTombstone(RegionId region_id, PeerId peer) {
  MutexLock lock(mutex_);
  const auto it = tombstones_.find(region_id);
  return it != tombstones_.end() && it->second.peer_id >= peer;
}

void RegionManager::StartChild(const RegionViewPtr& child, bool campaign) {
  const RegionId id = child->region.id();
  const PeerId peer(child->self.id());
  bool stop_uninitialized = false;
  {
    MutexLock lock(mutex_);
    const auto it = groups_.find(id);
    if (it == groups_.end()) {
      groups_[id] = {peer, Life::kRunning};
    } else {
      // A message was here first. The peer that it made has no state, but perhaps a vote, which the
      // log keeps for the child.
      CHECK(it->second.life != Life::kRunning) << "region " << id << " exists before its split";
      stop_uninitialized = it->second.life == Life::kUninitialized;
      it->second.life = Life::kStopping;
      waiting_[id] = {child, campaign};
      if (!stop_uninitialized) return;
    }
  }
  if (stop_uninitialized) {
    host_->RemoveGroup(id, /*clear_log=*/false, {}, [this, id] { OnRemoved(id, std::nullopt); });
    return;
  }
  AddGroup(child, kInitialPosition, campaign);
  StepPendingVotes(id);
}

void RegionManager::OnRemoved(RegionId region_id, std::optional<RegionState> tombstone) {
  std::optional<WaitingChild> child;
  bool is_removed = false;
  {
    MutexLock lock(mutex_);
    if (tombstone.has_value()) tombstones_.insert_or_assign(region_id, *std::move(tombstone));
    groups_.erase(region_id);
    if (const auto it = waiting_.find(region_id); it != waiting_.end()) {
      child = std::move(it->second);
      waiting_.erase(it);
      const PeerId peer(child->view->self.id());
      const auto buried = tombstones_.find(region_id);
      is_removed = buried != tombstones_.end() && buried->second.peer_id >= peer;
      if (!is_removed) groups_[region_id] = {peer, Life::kRunning};
    }
  }
  if (!child.has_value()) return;
  if (is_removed) {
    // It was told of its removal before the split that makes it was applied here.
    DropReplayedPeer(child->view->region);
    on_.index->Remove(region_id);
    return;
  }
  AddGroup(child->view, kInitialPosition, child->campaign);
  StepPendingVotes(region_id);
}

void RegionManager::DropReplayedPeer(const Region& child) {
  const auto batch = on_.engine->NewBatch();
  DeleteData(*batch, child.range());
  DeleteRegionRecords(*batch, child.id());
  CHECK_OK(on_.engine->Write(*batch));
}

void RegionManager::Stop(RegionId region_id, const RegionState& tombstone,
                         absl::AnyInvocable<void() &&> before_free) {
  {
    MutexLock lock(mutex_);
    const auto it = groups_.find(region_id);
    CHECK(it != groups_.end()) << "region " << region_id << " is destroyed and was never started";
    if (it->second.life == Life::kStopping) return;
    it->second.life = Life::kStopping;
  }
  host_->RemoveGroup(region_id, /*clear_log=*/true,
                     {{std::string(kTombstoneRecord), EncodeRegionState(tombstone)}},
                     [this, region_id, tombstone, before_free = std::move(before_free)]() mutable {
                       std::move(before_free)();
                       OnRemoved(region_id, tombstone);
                     });
}

void RegionManager::DestroyPeer(const Region& region, PeerId self,
                                std::optional<raft::EntryId> removed_at) {
  LOG_INFO("region {} peer {} is removed from this store", region.id(), self);
  const RegionState tombstone{RegionState::Kind::kTombstone, self, region.meta(),
                              removed_at.value_or(raft::EntryId{})};
  Stop(region.id(), tombstone, [this, id = region.id(), self] { ForgetState(id, self); });
}

void RegionManager::DestroyUninitialized(RegionId region_id, PeerId self) {
  RegionState tombstone{RegionState::Kind::kTombstone, self, {}};
  tombstone.region.set_id(region_id.value());
  Stop(region_id, tombstone, [this, region_id, self] { ForgetState(region_id, self); });
}

// What the peer knew of its range when it was told to go may be older than its data: a split or a
// snapshot was under way to them. Nothing is any more, so that the engine knows best.
void RegionManager::ForgetState(RegionId region_id, PeerId self) {
  const auto state = LoadRegionState(*on_.engine, region_id);
  CHECK_OK(state.status());
  // None: the peer never got one. A later peer's: a split made it, and it waits for this one's end.
  if (state->has_value() && (*state)->peer_id <= self) {
    // Whoever was admitted to read must look again.
    if (const RegionViewPtr view = on_.index->Find(region_id)) view->peer->Unpublish();
    const auto batch = on_.engine->NewBatch();
    // A peer that applied its own removal deleted its data with that.
    if ((*state)->kind == RegionState::Kind::kNormal) {
      DeleteData(*batch, Region((*state)->region).range());
    }
    DeleteRegionRecords(*batch, region_id);
    CHECK_OK(on_.engine->Write(*batch));
    // Nobody else may take the range before its data are gone.
    on_.index->Remove(region_id);
  }
  on_.index->Release(region_id);
}

// --- Word to others -----------------------------------------------------------------------------

absl::Status RegionManager::GroupNotFound(RegionId region_id) const {
  return errors::RegionNotFound(region_id);
}

absl::Status RegionManager::Busy() const {
  return errors::ServerIsBusy("too many requests wait for a raft worker", kBusyBackoffMs);
}

void RegionManager::Report(pdpb::RegionHeartbeatRequest report) { report_(std::move(report)); }

void RegionManager::ReportAll() {
  for (const RegionViewPtr& view : on_.index->All()) {
    host_->WithPeer(view->region.id(), [](multiraft::PeerDelegate& delegate,
                                          multiraft::PeerHandle&) { PeerOf(delegate).Report(); });
  }
}

size_t RegionManager::TransferLeadersAway() {
  size_t led = 0;
  for (const RegionViewPtr& view : on_.index->All()) {
    if (view->peer->leader.load() != view->self.id()) continue;
    if (view->region.conf_state().voters.size() < 2) continue;
    ++led;
    host_->WithPeer(view->region.id(),
                    [](multiraft::PeerDelegate& delegate, multiraft::PeerHandle&) {
                      PeerOf(delegate).TransferAway();
                    });
  }
  return led;
}

void RegionManager::CheckSplit(RegionViewPtr view) { check_split_(std::move(view)); }

void RegionManager::TellRemoved(StoreId store, const metapb::Region& region, PeerId removed) {
  net::Envelope notice;
  notice.region_id = RegionId(region.id());
  notice.from_store = on_.store_id;
  notice.to_store = store;
  notice.epoch = {region.region_epoch().conf_ver(), region.region_epoch().version()};
  notice.context = EncodeContext(RemovedNotice{region, removed});
  // Nobody looks at the sender, but a message from nobody, or from its receiver, is dropped on its
  // way.
  notice.message.from = PeerId(removed.value() + 1);
  notice.message.to = removed;
  notice.message.body = raft::HeartbeatResponse{};  // Not looked at.
  SendToStore(std::move(notice));
}

// In the form of a refused pre-vote, which tells what its sender knows to be committed. Of a term
// that nobody is in any more, so that it tells nothing else.
void RegionManager::TellCommitted(const net::Envelope& request, raft::EntryId committed) {
  net::Envelope answer;
  answer.region_id = request.region_id;
  answer.from_store = on_.store_id;
  answer.to_store = request.from_store;
  answer.epoch = request.epoch;
  answer.message.from = request.message.to;
  answer.message.to = request.message.from;
  answer.message.term = committed.term;
  answer.message.body = raft::VoteResponse{.pre_vote = true, .rejected = true, .commit = committed};
  SendToStore(std::move(answer));
}

void RegionManager::SendToStore(net::Envelope envelope) {
  if (envelope.to_store == on_.store_id) return;
  on_.transport->Send(std::move(envelope));
}

absl::StatusOr<raft::Snapshot> RegionManager::SnapshotFor(RegionId region_id, Index min_index) {
  return on_.snapshots->SnapshotFor(region_id, min_index);
}

void RegionManager::SendSnapshot(net::Envelope envelope) {
  on_.snapshots->Send(std::move(envelope));
}

absl::StatusOr<metapb::Region> RegionManager::ReceivedRegion(const raft::Snapshot& snapshot) {
  return on_.snapshots->ReceivedRegion(snapshot);
}

void RegionManager::ForgetReceived(RegionId region_id, Index at) {
  on_.snapshots->ForgetReceived(region_id, at);
}

}  // namespace flotilla::store
