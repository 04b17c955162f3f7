#include "tests/store/region_changer.h"

#include <memory>
#include <optional>
#include <utility>

#include "tests/store/store_client.h"

namespace flotilla::store {
namespace {

std::vector<const metapb::Peer*> PeersOf(const metapb::Region& region, metapb::PeerRole role) {
  std::vector<const metapb::Peer*> peers;
  for (const metapb::Peer& peer : region.peers()) {
    if (peer.role() == role) peers.push_back(&peer);
  }
  return peers;
}

void Add(pdpb::ChangePeerV2& changes, const metapb::Peer& peer, eraftpb::ConfChangeType type) {
  pdpb::ChangePeer* change = changes.add_changes();
  *change->mutable_peer() = peer;
  change->set_change_type(type);
}

}  // namespace

RegionViewPtr RegionChanger::AnyLed() {
  std::vector<RegionViewPtr> led;
  for (int store = 1; store <= cluster_->stores(); ++store) {
    if (!cluster_->IsUp(store)) continue;
    for (const RegionViewPtr& view : cluster_->store(store).index().All()) {
      if (view->peer->leader.load() == view->self.id()) led.push_back(view);
    }
  }
  return led.empty() ? nullptr : led[random_.Uniform(led.size())];
}

void RegionChanger::AddMember(const metapb::Region& region, pdpb::ChangePeerV2& changes) {
  std::vector<uint64_t> free;
  for (uint64_t store = 1; store <= static_cast<uint64_t>(cluster_->stores()); ++store) {
    bool taken = false;
    for (const metapb::Peer& peer : region.peers()) taken |= peer.store_id() == store;
    if (!taken) free.push_back(store);
  }
  if (free.empty()) return;
  metapb::Peer peer;
  peer.set_id(cluster_->pd().NextId());
  peer.set_store_id(free[random_.Uniform(free.size())]);
  const bool learner = random_.Chance(0.5);
  peer.set_role(learner ? metapb::Learner : metapb::Voter);
  Add(changes, peer, learner ? eraftpb::AddLearnerNode : eraftpb::AddNode);
}

void RegionChanger::RemoveMember(const metapb::Region& region, pdpb::ChangePeerV2& changes) {
  const auto learners = PeersOf(region, metapb::Learner);
  const auto voters = PeersOf(region, metapb::Voter);
  if (!learners.empty() && random_.Chance(0.6)) {
    Add(changes, AnyOf(learners), eraftpb::RemoveNode);
  } else if (voters.size() > 1) {
    const bool demote = random_.Chance(0.2);
    Add(changes, AnyOf(voters), demote ? eraftpb::AddLearnerNode : eraftpb::RemoveNode);
  }
}

void RegionChanger::Promote(const metapb::Region& region, pdpb::ChangePeerV2& changes) {
  const auto learners = PeersOf(region, metapb::Learner);
  if (!learners.empty()) Add(changes, AnyOf(learners), eraftpb::AddNode);
}

void RegionChanger::Replace(const metapb::Region& region, pdpb::ChangePeerV2& changes) {
  Promote(region, changes);
  if (changes.changes().empty() || random_.Chance(0.2)) AddMember(region, changes);
  const auto voters = PeersOf(region, metapb::Voter);
  if (!voters.empty()) Add(changes, AnyOf(voters), eraftpb::AddLearnerNode);
}

void RegionChanger::ChangeMembers() {
  const RegionViewPtr view = AnyLed();
  if (view == nullptr) return;
  const metapb::Region& region = view->region.meta();
  const auto voters = static_cast<int>(PeersOf(region, metapb::Voter).size());
  pdpb::ChangePeerV2 changes;
  if (random_.Chance(0.3)) {
    Replace(region, changes);
  } else if (voters < wishes_.voters) {
    if (random_.Chance(0.5)) Promote(region, changes);
    if (changes.changes().empty()) AddMember(region, changes);
  } else if (random_.Chance(0.6)) {
    RemoveMember(region, changes);
  } else {
    AddMember(region, changes);
  }
  if (changes.changes().empty()) return;
  pdpb::RegionHeartbeatResponse instruction;
  if (changes.changes_size() == 1) {
    *instruction.mutable_change_peer() = changes.changes(0);
  } else {
    *instruction.mutable_change_peer_v2() = changes;
  }
  Instruct(*view, std::move(instruction));
}

void RegionChanger::TransferLeader() {
  const RegionViewPtr view = AnyLed();
  if (view == nullptr) return;
  const auto voters = PeersOf(view->region.meta(), metapb::Voter);
  if (voters.empty()) return;
  pdpb::RegionHeartbeatResponse instruction;
  *instruction.mutable_transfer_leader()->mutable_peer() = AnyOf(voters);
  Instruct(*view, std::move(instruction));
}

void RegionChanger::Split() {
  const std::string key = StoreClient::PrefixKey(random_.Uniform(StoreClient::kPrefixes));
  const RegionViewPtr view = cluster_->LeaderOf(key);
  if (view == nullptr) return;
  SimStore& store = cluster_->store(static_cast<int>(view->self.store_id()));
  if (store.index().size() >= wishes_.regions) return;
  auto request = std::make_shared<kvrpcpb::SplitRegionRequest>();
  auto response = std::make_shared<kvrpcpb::SplitRegionResponse>();
  *request->mutable_context() = cluster_->ContextOf(*view);
  request->add_split_keys(cluster_->RawKey(key));
  store.api().SplitRegion(*request, response.get(), [request, response](absl::Status) {});
}

void RegionChanger::Instruct(const RegionView& view, pdpb::RegionHeartbeatResponse instruction) {
  instruction.set_region_id(view.region.id().value());
  *instruction.mutable_region_epoch() = view.region.meta().region_epoch();
  *instruction.mutable_target_peer() = view.self;
  cluster_->store(static_cast<int>(view.self.store_id()))
      .instructions()
      .OnInstruction(std::move(instruction));
}

}  // namespace flotilla::store
