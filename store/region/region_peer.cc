#include "store/region/region_peer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/planted_bugs.h"
#include "common/errors/region_error.h"
#include "common/multiraft/transferee.h"
#include "store/kv/command.h"
#include "store/operation/conf_change.h"
#include "store/operation/split.h"
#include "store/region/install_record.h"
#include "store/region/member_finder.h"
#include "store/region/message_context.h"
#include "store/region/region_storage.h"

namespace flotilla::store {
namespace {

constexpr size_t kFullReplication = 3;

bool IsUnderReplicated(const Region& region) {
  const auto voters =
      std::count_if(region.meta().peers().begin(), region.meta().peers().end(),
                    [](const metapb::Peer& peer) { return peer.role() == metapb::Voter; });
  return static_cast<size_t>(voters) < kFullReplication ||
         static_cast<int>(voters) != region.meta().peers_size();
}

// Messages that reach peers which do not exist yet: votes, and heartbeats to those that hold
// nothing beyond a new region's start.
bool MayReachNobody(const raft::MessageBody& body) {
  if (std::holds_alternative<raft::VoteRequest>(body)) return true;
  const auto* heartbeat = std::get_if<raft::Heartbeat>(&body);
  return heartbeat != nullptr && heartbeat->commit <= kInitialPosition.index;
}

bool IsFromLeader(const raft::MessageBody& body) {
  return std::holds_alternative<raft::AppendRequest>(body) ||
         std::holds_alternative<raft::Heartbeat>(body) ||
         std::holds_alternative<raft::InstallSnapshot>(body);
}

}  // namespace

RegionPeer::RegionPeer(PeerIdentity self, RegionViewPtr view,
                       std::shared_ptr<PublishedPeer> published,
                       const RegionPeerEnvironment& environment)
    : self_(self), env_(environment), published_(std::move(published)) {
  if (view != nullptr) Publish(view->region);
}

void RegionPeer::Publish(Region region) {
  const metapb::Peer* self = region.FindPeer(self_.peer_id);
  CHECK(self != nullptr) << "region " << self_.region_id << " without peer " << self_.peer_id;
  range_hint_ = EncodeContext(RangeHint{region.range()});
  metapb::Peer copy = *self;
  view_ = std::make_shared<const RegionView>(
      RegionView{std::move(region), std::move(copy), published_});
}

void RegionPeer::OnStart(multiraft::PeerHandle* handle) {
  handle_ = handle;
  now_ = leader_seen_ = env_.clock->Now();
  published_->term = handle->node().term().value();
}

// --- Proposals ----------------------------------------------------------------------------------

absl::Status RegionPeer::CheckProposal(const multiraft::Proposal& proposal) {
  if (view_ == nullptr) return errors::RegionNotInitialized(self_.region_id);
  const Region& region = view_->region;
  if (proposal.conf_change.has_value()) {
    return ChangeMembers(region, *proposal.conf_change).status();
  }
  if (proposal.epoch_version != region.version()) {
    return errors::EpochNotMatch(
        absl::StrCat("region ", region.id().value(), " is at version ", region.version(),
                     ", the request at ", proposal.epoch_version),
        env_.services->index().WithSiblings(*view_));
  }
  std::string_view command = proposal.command;
  const auto header = TakeCommandHeader(command);
  CHECK_OK(header.status());
  if (header->kind != CommandKind::kSplit) [[likely]]
    return absl::OkStatus();
  const auto split = DecodeSplit(header->version, command);
  CHECK_OK(split.status());
  return CheckSplit(region, *split);
}

absl::Status RegionPeer::NotLeader(PeerId leader) const {
  if (view_ == nullptr) return errors::RegionNotInitialized(self_.region_id);
  return errors::NotLeader(self_.region_id, view_->region.FindPeer(leader));
}

// --- Messages -----------------------------------------------------------------------------------

bool RegionPeer::AcceptMessage(const net::Envelope& envelope) {
  if (destroying_) return false;
  const raft::Message& message = envelope.message;
  if (message.to != self_.peer_id) {
    // The region has a later peer on this store, so this one was removed while nobody could tell.
    if (message.to > self_.peer_id && envelope.epoch.conf_ver > conf_ver()) {
      LOG_INFO("region {} peer {} gives way to peer {}", self_.region_id, self_.peer_id,
               message.to);
      destroying_ = true;
      if (view_ == nullptr) {
        env_.services->DestroyUninitialized(self_.region_id, self_.peer_id);
      } else {
        env_.services->DestroyPeer(view_->region, self_.peer_id, std::nullopt);
      }
    }
    return false;
  }
  if (view_ != nullptr && view_->region.FindPeer(message.from) == nullptr) {
    if (envelope.epoch.conf_ver < conf_ver()) {
      // A peer that was removed and has not heard of it.
      TellRemoved(envelope.from_store, message.from);
      return false;
    }
    learnt_stores_[message.from] = envelope.from_store;
  } else if (view_ == nullptr) {
    learnt_stores_[message.from] = envelope.from_store;
    told_conf_ver_ = std::max(told_conf_ver_, envelope.epoch.conf_ver);
  }
  if (leads()) followers_.Heard(message.from, now_);
  // The node of a learner never forgets its leader, since it has no election to begin.
  if (IsFromLeader(message.body)) SawLeader(now_);
  env_.room->Heard(envelope.from_store, envelope.disk_full);
  return !env_.room->Drops(message.body);
}

bool RegionPeer::AddressMessage(net::Envelope& envelope) {
  const PeerId to = envelope.message.to;
  const metapb::Peer* peer = view_ == nullptr ? nullptr : view_->region.FindPeer(to);
  if (peer != nullptr) {
    envelope.to_store = StoreId(peer->store_id());
  } else if (const auto it = learnt_stores_.find(to); it != learnt_stores_.end()) {
    envelope.to_store = it->second;
  } else {
    return false;
  }
  envelope.disk_full = env_.room->IsFull();
  envelope.epoch.conf_ver = told_conf_ver_;
  if (view_ != nullptr) {
    envelope.epoch = view_->region.epoch();
    if (MayReachNobody(envelope.message.body)) envelope.context = range_hint_;
  }
  return true;
}

// --- Snapshots ----------------------------------------------------------------------------------

absl::StatusOr<raft::Snapshot> RegionPeer::SnapshotFor(PeerId, Index min_index) {
  return env_.services->SnapshotFor(self_.region_id, std::max(min_index, snapshot_.floor));
}

bool RegionPeer::SendSnapshot(net::Envelope& envelope) {
  env_.services->SendSnapshot(std::move(envelope));
  return true;
}

absl::Status RegionPeer::CheckSnapshot(const raft::Snapshot& snapshot) {
  if (destroying_ || snapshot_.installing) {
    return absl::UnavailableError("another snapshot is being installed");
  }
  auto meta = env_.services->ReceivedRegion(snapshot);
  if (!meta.ok()) return std::move(meta).status();
  const Region region(*std::move(meta));
  if (region.id() != self_.region_id || region.FindPeer(self_.peer_id) == nullptr) {
    return absl::FailedPreconditionError("the snapshot's region does not know this peer");
  }
  if (!env_.services->index().Reserve(self_.region_id, region.range())) {
    return absl::FailedPreconditionError("the snapshot overlaps another region of this store");
  }
  snapshot_.reserved = true;
  // Until a split on another thread makes this region, its parent holds the range; then the child
  // does, which waits for this peer to make room for it.
  if (view_ == nullptr && env_.services->index().Find(self_.region_id) != nullptr) {
    return absl::UnavailableError("a split has just made this region here");
  }
  return absl::OkStatus();
}

std::vector<std::pair<std::string, std::string>> RegionPeer::SnapshotRecords(
    const raft::Snapshot& snapshot) {
  snapshot_.installing = true;
  return {{std::string(kInstallingRecord), EncodeInstallRecord({self_.peer_id, snapshot})},
          {std::string(kTombstoneRecord), ""}};
}

void RegionPeer::OnInstalled(const Region& region, Index at) {
  LOG_INFO("region {} peer {} installed a snapshot at version {}", self_.region_id, self_.peer_id,
           region.version());
  Publish(region);
  env_.services->index().Put({view_});
  env_.services->index().Release(self_.region_id);
  snapshot_.reserved = snapshot_.installing = false;
  learnt_stores_.clear();
  // The installer has flushed: a crash will not take the state back.
  handle_->PutRecords(
      {{std::string(kInstallingRecord), ""}},
      [services = env_.services, id = self_.region_id, at] { services->ForgetReceived(id, at); });
}

bool RegionPeer::OutlivesSnapshots(std::string_view command) const {
  const auto header = TakeCommandHeader(command);
  return header.ok() && header->kind == CommandKind::kSplit;
}

Index RegionPeer::FlushedApplied() const {
  const auto applied = LoadFlushedApplied(*env_.engine, self_.region_id);
  CHECK_OK(applied.status());
  return applied->index;
}

// --- What happened ------------------------------------------------------------------------------

void RegionPeer::OnRoleChange(const raft::SoftState& state, Term term) {
  const bool led = leads();
  role_ = state.role;
  leader_ = state.leader;
  term_ = term;
  published_->leader = leader_.value();
  published_->term = term.value();
  if (leader_ != PeerId()) SawLeader(env_.clock->Now());
  if (leads() != led) followers_.Clear();
  if (leads()) Report();
}

void RegionPeer::OnLeaderReady(Term) {
  if (published_->approximate_bytes.load() == 0) {
    published_->approximate_bytes = env_.engine->ApproximateBytes(view_->region.range());
  }
  Report();
}

void RegionPeer::OnApplied(std::unique_ptr<multiraft::AppliedEffect> effect) {
  if (destroying_) return OnAppliedLate(*effect);
  if (const auto* split = dynamic_cast<const SplitEffect*>(effect.get())) {
    const RegionViewPtr before = view_;
    Publish(split->outcome.parent);
    snapshot_.floor = handle_->node().commit();
    OnSplitApplied(*split, *before, leads(), *env_.services);
    if (leads()) {
      // Followers learn of a commit with the next entry: the children wait for them.
      multiraft::Proposal nothing;
      nothing.command = WriteCommand(view_->region.version(), 0).Take();
      nothing.epoch_version = view_->region.version();
      nothing.callback = [](absl::StatusOr<multiraft::Applied>) {};
      handle_->Propose(std::move(nothing));
      Report();
      // It may still be too large: a split makes only so many regions.
      env_.services->CheckSplit(view_);
    }
  } else if (const auto* change = dynamic_cast<const ConfChangeEffect*>(effect.get())) {
    OnMembersChanged(*change);
  } else if (const auto* installed = dynamic_cast<const SnapshotInstalledEffect*>(effect.get())) {
    OnInstalled(installed->region, installed->at);
  } else {
    CHECK(false) << "region " << self_.region_id << " got an effect of an unknown kind";
  }
}

// The peer goes, and what was committed before is applied all the same. Of that only a split is
// anybody else's: its children are on this store from then on, whatever becomes of their parent.
//  1. The peer falls behind, and hears of a split and, by a notice, of its removal.
//  2. The notice is first; the split is applied while the peer is being stopped: the child's state
//     and position are in the data, and its data are those of the parent's range.
//  3. Were the child not made now, it would be by the next start, over what is left there.
void RegionPeer::OnAppliedLate(const multiraft::AppliedEffect& effect) {
  if (const auto* installed = dynamic_cast<const SnapshotInstalledEffect*>(&effect)) {
    Publish(installed->region);
  } else if (const auto* split = dynamic_cast<const SplitEffect*>(&effect)) {
    const RegionViewPtr before = view_;
    Publish(split->outcome.parent);
    OnSplitApplied(*split, *before, /*is_leader=*/false, *env_.services);
  }
}

void RegionPeer::OnMembersChanged(const ConfChangeEffect& change) {
  const Region before = view_->region;
  const Region& after = change.region;
  LOG_INFO("region {} changed its members: conf_ver {}, {} peers", self_.region_id,
           after.epoch().conf_ver, after.meta().peers_size());
  if (change.self_removed) {
    if (Planted(Bug::kRemovedPeerStays)) return;
    destroying_ = true;
    env_.services->DestroyPeer(after, self_.peer_id, change.at);
    return;
  }
  Publish(after);
  for (const metapb::Peer& peer : before.meta().peers()) {
    const PeerId id(peer.id());
    if (after.FindPeer(id) != nullptr) continue;
    // What was said to it before the change still has to find it.
    learnt_stores_[id] = StoreId(peer.store_id());
    // It may be cut off from the entry that removes it, and a learner never asks for votes.
    if (leads()) TellRemoved(StoreId(peer.store_id()), id);
  }
  snapshot_.floor = handle_->node().commit();
  env_.services->index().Put({view_});
  Report();
}

// Who is told destroys itself, and gives no more votes. So what this peer says of its members must
// be what it knows after a restart too: the commit index that covers the change was submitted to
// the log writer before the change was applied, and the word leaves behind it.
void RegionPeer::TellRemoved(StoreId store, PeerId removed) {
  handle_->PutRecords({}, [services = env_.services, store, region = view_->region.meta(),
                           removed] { services->TellRemoved(store, region, removed); });
}

void RegionPeer::OnConfChanged(const raft::ConfState&) {}

void RegionPeer::OnRemovedNotice(const metapb::Region& region, PeerId removed) {
  if (destroying_ || removed != self_.peer_id || Planted(Bug::kRemovedPeerStays)) return;
  const Region newer(region);
  if (newer.epoch().conf_ver <= conf_ver() || newer.FindPeer(self_.peer_id) != nullptr) return;
  LOG_INFO("region {} peer {} hears that it was removed at conf_ver {}", self_.region_id,
           self_.peer_id, newer.epoch().conf_ver);
  destroying_ = true;
  if (view_ == nullptr) {
    env_.services->DestroyUninitialized(self_.region_id, self_.peer_id);
    return;
  }
  published_->Unpublish();
  env_.services->DestroyPeer(view_->region, self_.peer_id, std::nullopt);
}

void RegionPeer::OnMembershipQuestion(PeerId peer, StoreId store) {
  if (view_ == nullptr || view_->region.FindPeer(peer) != nullptr) return;
  TellRemoved(store, peer);
}

void RegionPeer::OnStop() {
  published_->leader = 0;
  // Who is destroyed keeps its range until its data are gone.
  if (snapshot_.reserved && !destroying_) env_.services->index().Release(self_.region_id);
}

// --- By the clock -------------------------------------------------------------------------------

void RegionPeer::OnTick() {
  if (destroying_) return;
  if (snapshot_.reserved && !snapshot_.installing) {
    // Raft did not want the snapshot after all.
    env_.services->index().Release(self_.region_id);
    snapshot_.reserved = false;
  }
  const env::Instant now = now_ = env_.clock->Now();
  if (leads()) SawLeader(now);
  if (now >= next_inspection_) {
    next_inspection_ = now + env_.config.inspect_interval;
    if (!leads()) {
      AskForMembership(now);
    } else if (view_ != nullptr) {
      // Its log may hold a snapshot, and it may lead, before the snapshot is installed.
      InspectFollowers(now);
      CheckGrowth();
    }
  }
  if (!leads() || now < next_report_) return;
  if (report_interval_ < env_.config.long_heartbeat_interval) {
    report_interval_ = std::min(2 * report_interval_, env_.config.long_heartbeat_interval);
  }
  SendReport();
}

void RegionPeer::InspectFollowers(env::Instant now) {
  if (view_->region.meta().peers_size() == 1) return;
  if (followers_.Update(handle_->node().Status(), now)) Report();
}

void RegionPeer::CheckGrowth() {
  const uint64_t bytes = published_->traffic.bytes_written.load();
  const uint64_t keys = published_->traffic.keys_written.load();
  if (bytes - split_checked_.bytes < env_.config.check_after_bytes &&
      keys - split_checked_.keys < env_.config.check_after_keys) {
    return;
  }
  split_checked_ = {bytes, keys};
  env_.services->CheckSplit(view_);
}

void RegionPeer::AskForMembership(env::Instant now) {
  if (now - leader_seen_ < env_.config.leader_missing_timeout) return;
  leader_seen_ = now;
  std::map<PeerId, StoreId> others = learnt_stores_;
  if (view_ != nullptr) {
    for (const metapb::Peer& peer : view_->region.meta().peers()) {
      if (peer.id() != self_.peer_id.value()) others[PeerId(peer.id())] = StoreId(peer.store_id());
    }
  }
  for (const auto& [peer, store] : others) {
    env_.services->SendToStore(AskWhetherMember(self_, peer, store));
  }
  // Those may all be gone too.
  if (std::exchange(asked_in_vain_, true)) env_.services->AskNewMembers(self_);
}

void RegionPeer::SawLeader(env::Instant now) {
  leader_seen_ = now;
  asked_in_vain_ = false;
}

void RegionPeer::Report() {
  if (!leads() || view_ == nullptr) return;
  report_interval_ = IsUnderReplicated(view_->region) ? env_.config.short_heartbeat_interval
                                                      : env_.config.heartbeat_interval;
  SendReport();
}

void RegionPeer::SendReport() {
  if (view_ == nullptr || destroying_) return;
  const env::Instant now = env_.clock->Now();
  next_report_ = now + report_interval_;
  followers_.Update(handle_->node().Status(), now);
  // Of the term that it was told to lead: the node may have heard of a later one meanwhile.
  env_.services->Report(MakeReport(*view_, term_, followers_, *env_.clock, reported_traffic_));
}

void RegionPeer::TransferAway() {
  if (!leads() || destroying_ || handle_->node().lead_transferee() != PeerId()) return;
  const std::optional<PeerId> target = multiraft::BestTransferee(handle_->node().Status());
  if (target.has_value()) handle_->TransferLeadership(*target);
}

}  // namespace flotilla::store
