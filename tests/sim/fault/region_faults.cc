// Moments in the life of a region at which it is hard to be right: its members have just changed,
// or it goes while somebody still reads it.
#include <spdlog/fmt/fmt.h>

#include <optional>

#include "tests/sim/fault/fault.h"

namespace flotilla::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr env::Duration kLook = microseconds(500);
constexpr env::Duration kPatience = milliseconds(1500);

// Lets the world go on until `done`, and looks now and then.
bool Await(Cluster& cluster, const std::function<bool()>& done, env::Duration patience) {
  const env::Instant end = cluster.world().now() + patience;
  while (!done()) {
    if (cluster.world().now() >= end) return false;
    cluster.world().RunFor(kLook);
  }
  return true;
}

// Null: no region has a leader and another voter.
store::RegionViewPtr AnyShared(Cluster& cluster, env::Random& random) {
  std::vector<store::RegionViewPtr> shared;
  for (const store::RegionViewPtr& view : cluster.Led()) {
    if (view->region.conf_state().voters.size() > 1) shared.push_back(view);
  }
  return shared.empty() ? nullptr : shared[random.Uniform(shared.size())];
}

// A voter that is not on the store; null: there is none.
const metapb::Peer* AnyVoterBut(const store::Region& region, uint64_t store, env::Random& random) {
  std::vector<const metapb::Peer*> others;
  for (const metapb::Peer& peer : region.meta().peers()) {
    if (peer.store_id() != store && peer.role() == metapb::Voter) others.push_back(&peer);
  }
  return others.empty() ? nullptr : others[random.Uniform(others.size())];
}

store::RegionViewPtr ViewOn(StoreNode& node, RegionId region) {
  return node.IsServing() ? node.core().index().Find(region) : nullptr;
}

void Remove(Cluster& cluster, const store::RegionView& view, const metapb::Peer& peer) {
  if (cluster.atlas().HasLost(view.region.meta())) return;
  cluster.atlas().OnChangeAskedFor(view.region.meta());
  pdpb::RegionHeartbeatResponse instruction;
  instruction.set_region_id(view.region.id().value());
  *instruction.mutable_region_epoch() = view.region.meta().region_epoch();
  *instruction.mutable_target_peer() = view.self;
  instruction.mutable_change_peer()->set_change_type(eraftpb::RemoveNode);
  *instruction.mutable_change_peer()->mutable_peer() = peer;
  StoreNode* const node = cluster.StoreOf(StoreId(view.self.store_id()));
  if (node == nullptr || !node->IsServing()) return;
  cluster.Note(fmt::format("region {}: remove {}", view.region.id(), peer.ShortDebugString()));
  node->core().instructions().OnInstruction(std::move(instruction));
}

// A member is removed, and whoever led that dies of it before anything else is written.
bool RemoveAndKill(Cluster& cluster, env::Random& random) {
  const store::RegionViewPtr view = AnyShared(cluster, random);
  if (view == nullptr) return false;
  StoreNode* const node = cluster.StoreOf(StoreId(view->self.store_id()));
  const metapb::Peer* const removed = AnyVoterBut(view->region, view->self.store_id(), random);
  if (removed == nullptr) return false;
  Remove(cluster, *view, *removed);
  const PeerId peer(removed->id());
  const bool changed = Await(
      cluster,
      [&] {
        const store::RegionViewPtr now = ViewOn(*node, view->region.id());
        return now == nullptr || now->region.FindPeer(peer) == nullptr;
      },
      kPatience);
  if (!changed || !node->IsUp()) return true;
  cluster.world().RunFor(microseconds(random.Uniform(20'000)));
  cluster.Note("kill " + node->host());
  if (node->IsUp()) node->Kill(testing::CrashMoment::kBetweenSteps);
  cluster.world().RunFor(microseconds(random.Uniform(1'000'000)));
  cluster.Note("start " + node->host());
  if (const absl::Status status = cluster.StartStore(*node); !status.ok()) {
    cluster.Note(fmt::format("{} did not start: {}", node->host(), status.ToString()));
  }
  return true;
}

// Long reads of a region wait at its leader, while the leadership moves on and the peer is removed.
bool RemoveUnderReads(Cluster& cluster, env::Random& random) {
  const store::RegionViewPtr view = AnyShared(cluster, random);
  if (view == nullptr) return false;
  StoreNode* const node = cluster.StoreOf(StoreId(view->self.store_id()));
  const metapb::Peer* const heir = AnyVoterBut(view->region, view->self.store_id(), random);
  if (heir == nullptr) return false;
  const RegionId region = view->region.id();
  cluster.Note(fmt::format("long reads on {} wait; region {} moves to peer {}", node->host(),
                           region, heir->id()));
  node->scheduler().HoldStage("read", true);
  cluster.world().RunFor(milliseconds(random.Between(20, 300)));
  if (node->IsServing()) {
    node->core().host().TransferLeadership(region, PeerId(heir->id()), [](absl::Status) {});
  }
  StoreNode* const heirs = cluster.StoreOf(StoreId(heir->store_id()));
  const auto leads = [&] {
    const store::RegionViewPtr theirs = heirs == nullptr ? nullptr : ViewOn(*heirs, region);
    return theirs != nullptr && theirs->peer->leader.load() == theirs->self.id();
  };
  if (Await(cluster, leads, kPatience)) {
    Remove(cluster, *ViewOn(*heirs, region), view->self);
    Await(
        cluster, [&] { return ViewOn(*node, region) == nullptr; }, kPatience);
  }
  cluster.Note(fmt::format("reads on {} go on", node->host()));
  if (node->IsUp()) node->scheduler().HoldStage("read", false);
  return true;
}

}  // namespace

void AddRegionFaults(Faults& faults) {
  faults.push_back(std::make_unique<SimpleFault>("remove-and-kill", RemoveAndKill));
  faults.push_back(std::make_unique<SimpleFault>("remove-under-reads", RemoveUnderReads));
}

}  // namespace flotilla::sim
