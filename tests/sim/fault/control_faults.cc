// Operations that are no faults, at moments at which they are inconvenient: leaders that are moved,
// logs that are cut so that followers need snapshots, members that come and go.
#include <spdlog/fmt/fmt.h>

#include "common/base/check.h"
#include "store/kv/key_codec.h"
#include "tests/sim/fault/fault.h"

namespace flotilla::sim {
namespace {

// Null: no region has a leader.
store::RegionViewPtr AnyRegion(Cluster& cluster, env::Random& random) {
  const std::vector<store::RegionViewPtr> led = cluster.Led();
  return led.empty() ? nullptr : led[random.Uniform(led.size())];
}

bool MovePdLeader(Cluster& cluster, env::Random&) {
  PdNode* const leader = cluster.PdLeader();
  if (leader == nullptr) return false;
  cluster.Note("move PD's leader from " + leader->host());
  leader->replica().TransferLeadershipAway();
  return true;
}

// What PD's leader saves is decided and not applied while it leads; then it dies.
bool StallPd(Cluster& cluster, env::Random& random) {
  PdNode* const leader = cluster.PdLeader();
  if (leader == nullptr) return false;
  cluster.Note(leader->host() + " applies nothing for a while, then is killed");
  for (const std::string_view stage : leader->scheduler().StageNames()) {
    if (stage.starts_with("apply-")) leader->scheduler().HoldStage(stage, true);
  }
  cluster.world().RunFor(std::chrono::milliseconds(random.Between(1000, 5000)));
  leader->Kill();
  cluster.StartPd(*leader);
  return true;
}

bool MoveLeader(Cluster& cluster, env::Random& random) {
  const store::RegionViewPtr view = AnyRegion(cluster, random);
  if (view == nullptr) return false;
  StoreNode* const node = cluster.StoreOf(StoreId(view->self.store_id()));
  const auto& peers = view->region.meta().peers();
  const metapb::Peer& target = peers[static_cast<int>(random.Uniform(peers.size()))];
  cluster.Note(
      fmt::format("region {}: move the leader to peer {}", view->region.id(), target.id()));
  node->core().host().TransferLeadership(view->region.id(), PeerId(target.id()),
                                         [](absl::Status) {});
  return true;
}

void CutFromStores(Cluster& cluster, const StoreNode& node, bool both_ways) {
  for (const auto& other : cluster.stores()) {
    if (other.get() == &node) continue;
    cluster.Cut(other->host(), node.host());
    if (both_ways) cluster.Cut(node.host(), other->host());
  }
}

// The old leader goes on, seen by clients and by nobody else, while the new one is elected. Some
// hear nothing any more from the moment on at which they hand over.
bool MoveLeaderAndCut(Cluster& cluster, env::Random& random) {
  const store::RegionViewPtr view = AnyRegion(cluster, random);
  if (view == nullptr) return false;
  StoreNode* const node = cluster.StoreOf(StoreId(view->self.store_id()));
  for (const metapb::Peer& peer : view->region.meta().peers()) {
    if (peer.id() == view->self.id() || peer.role() == metapb::Learner) continue;
    cluster.Note(fmt::format("region {}: move the leader from {} to peer {}, then cut it off",
                             view->region.id(), node->host(), peer.id()));
    const bool deaf_at_once = random.Chance(0.5);
    if (deaf_at_once) CutFromStores(cluster, *node, /*both_ways=*/false);
    node->core().host().TransferLeadership(view->region.id(), PeerId(peer.id()),
                                           [](absl::Status) {});
    cluster.world().RunFor(std::chrono::microseconds(random.Uniform(30'000)));
    CutFromStores(cluster, *node, /*both_ways=*/true);
    return true;
  }
  return false;
}

bool TruncateLog(Cluster& cluster, env::Random& random) {
  const store::RegionViewPtr view = AnyRegion(cluster, random);
  if (view == nullptr) return false;
  cluster.Note(fmt::format("region {}: truncate the leader's log", view->region.id()));
  StoreNode* const node = cluster.StoreOf(StoreId(view->self.store_id()));
  if (!node->disk().engine.Flush().ok()) return false;
  node->core().host().TruncateLog(view->region.id(), Index(UINT64_MAX));
  return true;
}

// As PD would.
void Instruct(Cluster& cluster, const store::RegionView& view,
              pdpb::RegionHeartbeatResponse instruction) {
  instruction.set_region_id(view.region.id().value());
  *instruction.mutable_region_epoch() = view.region.meta().region_epoch();
  *instruction.mutable_target_peer() = view.self;
  StoreNode* const node = cluster.StoreOf(StoreId(view.self.store_id()));
  if (node != nullptr && node->IsServing()) {
    node->core().instructions().OnInstruction(std::move(instruction));
  }
}

// Who changes members behind PD's back leaves regions alone that have lost one: another one could
// be one too many.
void Change(Cluster& cluster, const store::RegionView& view, eraftpb::ConfChangeType type,
            const metapb::Peer& peer) {
  if (cluster.atlas().HasLost(view.region.meta())) return;
  cluster.atlas().OnChangeAskedFor(view.region.meta());
  cluster.Note(fmt::format("region {}: {} {}", view.region.id(), eraftpb::ConfChangeType_Name(type),
                           peer.ShortDebugString()));
  pdpb::RegionHeartbeatResponse instruction;
  instruction.mutable_change_peer()->set_change_type(type);
  *instruction.mutable_change_peer()->mutable_peer() = peer;
  Instruct(cluster, view, std::move(instruction));
}

// A learner on a store that has no peer, as soon as PD has given its id.
bool AddLearner(Cluster& cluster, const store::RegionViewPtr& view, env::Random& random) {
  const StoreNode& node = AnyOf(cluster.stores(), random);
  // It has lost its disk and not got an id since.
  if (node.id() == StoreId()) return false;
  for (const metapb::Peer& peer : view->region.meta().peers()) {
    if (peer.store_id() == node.id().value()) return false;
  }
  metapb::Peer peer;
  peer.set_store_id(node.id().value());
  peer.set_role(metapb::Learner);
  AnyOf(cluster.clients(), random)
      .pd()
      .AllocIds(1, [&cluster, view, peer](absl::StatusOr<uint64_t> id) mutable {
        if (!id.ok()) return;
        peer.set_id(*id);
        Change(cluster, *view, eraftpb::AddLearnerNode, peer);
      });
  return true;
}

// What PD would never ask for, done behind its back; it has to put it right.
bool ChangeMembers(Cluster& cluster, env::Random& random) {
  const store::RegionViewPtr view = AnyRegion(cluster, random);
  if (view == nullptr) return false;
  if (random.Chance(0.4)) return AddLearner(cluster, view, random);
  const auto& peers = view->region.meta().peers();
  metapb::Peer peer = peers[static_cast<int>(random.Uniform(peers.size()))];
  if (peer.role() == metapb::Learner && random.Chance(0.5)) {
    peer.set_role(metapb::Voter);
    Change(cluster, *view, eraftpb::AddNode, peer);
    return true;
  }
  if (peers.size() < 2) return false;
  Change(cluster, *view, eraftpb::RemoveNode, peer);
  return true;
}

// A key at which the region can be cut: one that it holds, or right behind one. Empty: none.
std::string CutOf(StoreNode& node, const store::Region& region, env::Random& random) {
  std::vector<std::string> keys;
  engine::ReadOptions options;
  options.bounds = region.range();
  const auto rows = node.disk().engine.NewIterator(engine::ColumnFamily::kDefault, options);
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) keys.emplace_back(rows->key());
  CHECK_OK(rows->status());
  if (keys.empty()) return "";
  std::string key = keys[random.Uniform(keys.size())];
  if (random.Chance(0.3)) {
    const store::KeyCodec codec(store::ApiVersion::kV2);
    std::string raw;
    CHECK_OK(codec.Decode(key, raw));
    key = codec.Encode(raw + "5");
  }
  return key > region.range().start && region.range().Contains(key) ? key : "";
}

bool SplitOnce(Cluster& cluster, const store::RegionView& view, env::Random& random) {
  StoreNode* const node = cluster.StoreOf(StoreId(view.self.store_id()));
  if (node == nullptr || !node->IsServing() || node->IsDamaged()) return false;
  const std::string key = CutOf(*node, view.region, random);
  if (key.empty()) return false;
  cluster.Note(fmt::format("region {}: split by {}", view.region.id(), node->host()));
  pdpb::RegionHeartbeatResponse instruction;
  instruction.mutable_split_region()->set_policy(pdpb::USEKEY);
  instruction.mutable_split_region()->add_keys(key);
  Instruct(cluster, view, std::move(instruction));
  return true;
}

// More regions than that show nothing new.
constexpr size_t kMostRegions = 20;

// At any key. Some are split again while the first split is under way, of some the leader or
// another member dies right after.
bool Split(Cluster& cluster, env::Random& random) {
  if (cluster.Led().size() >= kMostRegions) return false;
  const store::RegionViewPtr view = AnyRegion(cluster, random);
  if (view == nullptr || !SplitOnce(cluster, *view, random)) return false;
  if (random.Chance(0.3)) {
    cluster.RunFor(std::chrono::microseconds(random.Uniform(20'000)));
    const store::RegionViewPtr next = random.Chance(0.5) ? view : AnyRegion(cluster, random);
    if (next != nullptr) SplitOnce(cluster, *next, random);
  }
  if (!random.Chance(0.4)) return true;
  cluster.RunFor(std::chrono::microseconds(random.Uniform(30'000)));
  const auto& peers = view->region.meta().peers();
  const metapb::Peer& peer =
      random.Chance(0.5) ? view->self : peers[static_cast<int>(random.Uniform(peers.size()))];
  StoreNode* const victim = cluster.StoreOf(StoreId(peer.store_id()));
  if (victim == nullptr) return true;
  cluster.Note("kill " + victim->host());
  victim->Kill(random.Chance(0.3) ? testing::CrashMoment::kAfterLogWrite
                                  : testing::CrashMoment::kBetweenSteps);
  return true;
}

}  // namespace

void AddControlFaults(Faults& faults) {
  faults.push_back(std::make_unique<SimpleFault>("move-pd-leader", MovePdLeader));
  faults.push_back(std::make_unique<SimpleFault>("stall-pd", StallPd));
  faults.push_back(std::make_unique<SimpleFault>("move-leader", MoveLeader));
  faults.push_back(std::make_unique<SimpleFault>("move-and-cut", MoveLeaderAndCut));
  faults.push_back(std::make_unique<SimpleFault>("truncate-log", TruncateLog));
  faults.push_back(std::make_unique<SimpleFault>("change-members", ChangeMembers));
  faults.push_back(std::make_unique<SimpleFault>("split", Split));
}

}  // namespace flotilla::sim
