// Processes that are killed, come back, or stand still; clocks that jump.
#include <spdlog/fmt/fmt.h>

#include "tests/sim/fault/fault.h"

namespace flotilla::sim {
namespace {

using testing::CrashMoment;

// Some die with a write of the log in their hands, which is lost or is not.
void Kill(Cluster& cluster, StoreNode& node, env::Random& random) {
  if (random.Chance(0.3)) {
    cluster.Note(fmt::format("the log of {} stands still", node.host()));
    node.scheduler().HoldStage("log-writer", true);
    cluster.world().RunFor(std::chrono::milliseconds(random.Uniform(50)));
  }
  const bool after_write = random.Chance(0.3);
  cluster.Note(fmt::format("kill {}{}", node.host(), after_write ? ", its log written" : ""));
  node.Kill(after_write ? CrashMoment::kAfterLogWrite : CrashMoment::kBetweenSteps);
}

void Start(Cluster& cluster, StoreNode& node) {
  cluster.Note(fmt::format("start {}", node.host()));
  const absl::Status status = cluster.StartStore(node);
  if (!status.ok())
    cluster.Note(fmt::format("{} did not start: {}", node.host(), status.ToString()));
}

bool KillStore(Cluster& cluster, env::Random& random) {
  StoreNode& node = AnyOf(cluster.stores(), random);
  if (node.IsUp()) {
    Kill(cluster, node, random);
  } else {
    Start(cluster, node);
  }
  return true;
}

// Somebody forgets what only memory knew, and has not been away.
bool Restart(Cluster& cluster, env::Random& random) {
  StoreNode& node = AnyOf(cluster.stores(), random);
  if (!node.IsUp()) return false;
  Kill(cluster, node, random);
  Start(cluster, node);
  return true;
}

// Of a region's members one does not hear of the leader, and would be elected if another one that
// does, and that is restarted, forgot its promises.
bool CutAndRestart(Cluster& cluster, env::Random& random) {
  const auto led = cluster.Led();
  if (led.empty()) return false;
  const store::RegionView& view = *led[random.Uniform(led.size())];
  const StoreNode* const leader = cluster.StoreOf(StoreId(view.self.store_id()));
  std::vector<StoreNode*> others;
  for (const metapb::Peer& peer : view.region.meta().peers()) {
    StoreNode* const node = cluster.StoreOf(StoreId(peer.store_id()));
    if (node != nullptr && node != leader) others.push_back(node);
  }
  if (leader == nullptr || others.size() < 2) return false;
  const size_t deaf = random.Uniform(others.size());
  cluster.Note(
      fmt::format("{} and {} do not hear each other", leader->host(), others[deaf]->host()));
  cluster.Cut(leader->host(), others[deaf]->host());
  cluster.Cut(others[deaf]->host(), leader->host());
  cluster.world().RunFor(std::chrono::milliseconds(random.Between(500, 3000)));
  StoreNode& restarted = *others[(deaf + 1) % others.size()];
  Kill(cluster, restarted, random);
  Start(cluster, restarted);
  return true;
}

bool KillPd(Cluster& cluster, env::Random& random) {
  PdNode& node = AnyOf(cluster.pd(), random);
  cluster.Note(fmt::format("{} {}", node.IsUp() ? "kill" : "start", node.host()));
  if (node.IsUp()) {
    node.Kill();
  } else {
    cluster.StartPd(node);
  }
  return true;
}

// All that a store has is gone, and an empty machine takes its place, at once or later.
bool WipeStore(Cluster& cluster, env::Random& random) {
  StoreNode& node = AnyOf(cluster.stores(), random);
  if (!cluster.atlas().MayLose(cluster.stores(), node)) return false;
  cluster.Wipe(node);
  if (random.Chance(0.5)) Start(cluster, node);
  return true;
}

// The power fails for all of them, and comes back.
bool PowerLoss(Cluster& cluster, env::Random& random) {
  cluster.Note("power loss");
  for (auto& node : cluster.stores()) {
    if (node->IsUp()) Kill(cluster, *node, random);
  }
  for (auto& node : cluster.pd()) {
    if (node->IsUp()) node->Kill();
  }
  for (auto& node : cluster.pd()) cluster.StartPd(*node);
  for (auto& node : cluster.stores()) Start(cluster, *node);
  return true;
}

bool Pause(Cluster& cluster, env::Random& random) {
  const size_t which = random.Uniform(cluster.stores().size() + cluster.pd().size());
  const bool is_store = which < cluster.stores().size();
  const bool is_up = is_store ? cluster.stores()[which]->IsUp()
                              : cluster.pd()[which - cluster.stores().size()]->IsUp();
  if (!is_up) return false;
  testing::SimScheduler& process = is_store
                                       ? cluster.stores()[which]->scheduler()
                                       : cluster.pd()[which - cluster.stores().size()]->scheduler();
  cluster.Note(fmt::format("{} {} {}", process.paused() ? "resume" : "pause",
                           is_store ? "store" : "pd",
                           is_store ? which + 1 : which - cluster.stores().size() + 1));
  if (process.paused()) {
    process.Resume();
  } else {
    process.Pause();
  }
  return true;
}

bool JumpWallClock(Cluster& cluster, env::Random& random) {
  const auto most = static_cast<uint64_t>(cluster.plan().max_wall_skew_ms);
  const int64_t skew =
      static_cast<int64_t>(random.Uniform(2 * most + 1)) - static_cast<int64_t>(most);
  const size_t which = random.Uniform(cluster.stores().size() + cluster.pd().size());
  const bool is_store = which < cluster.stores().size();
  cluster.Note(fmt::format("the wall clock of process {} is {} ms off", which, skew));
  if (is_store) {
    cluster.stores()[which]->SetWallSkew(skew);
  } else {
    cluster.pd()[which - cluster.stores().size()]->SetWallSkew(skew);
  }
  return true;
}

}  // namespace

void AddProcessFaults(Faults& faults) {
  faults.push_back(std::make_unique<SimpleFault>("kill-store", KillStore));
  faults.push_back(std::make_unique<SimpleFault>("kill-pd", KillPd));
  faults.push_back(std::make_unique<SimpleFault>("restart-store", Restart));
  faults.push_back(std::make_unique<SimpleFault>("cut-and-restart", CutAndRestart));
  faults.push_back(std::make_unique<SimpleFault>("power-loss", PowerLoss));
  faults.push_back(std::make_unique<SimpleFault>("wipe", WipeStore));
  faults.push_back(std::make_unique<SimpleFault>("pause", Pause));
  faults.push_back(std::make_unique<SimpleFault>("wall-clock", JumpWallClock));
}

}  // namespace flotilla::sim
