#include <signal.h>

#include "tests/cluster/chaos/fault.h"

namespace flotilla::chaos {
namespace {

absl::Status Kill(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.HoldDown(node);
  node.Kill();
  return absl::OkStatus();
}

absl::Status LetUp(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.LetUp(node);
  return absl::OkStatus();
}

// A process that is paused does not hear SIGTERM.
absl::Status Terminate(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.HoldDown(node);
  node.terminating = node.is_running();
  node.Signal(SIGTERM);
  return absl::OkStatus();
}

absl::Status Pause(ChaosCluster&, ChaosNode& node, const Strike&) {
  node.Signal(SIGSTOP);
  return absl::OkStatus();
}

absl::Status Continue(ChaosCluster&, ChaosNode& node, const Strike&) {
  node.Signal(SIGCONT);
  return absl::OkStatus();
}

void DrawAll(const Targets& targets, env::Random& random, Strike* strike) {
  strike->nodes = targets.all();
  strike->for_ms = DrawMs(random, 100, 2'000);
}

void DrawMostStores(const Targets& targets, env::Random& random, Strike* strike) {
  strike->nodes = Some(targets.stores, targets.stores.size() / 2 + 1, random);
  strike->for_ms = DrawMs(random, 500, 4'000);
}

void DrawAllPds(const Targets& targets, env::Random& random, Strike* strike) {
  strike->nodes = targets.pds;
  strike->for_ms = DrawMs(random, 500, 5'000);
}

}  // namespace

void AddProcessFaults(std::vector<Fault>* faults) {
  const auto kill = EachNode(Kill);
  const auto let_up = EachNode(LetUp);
  const auto pause = EachNode(Pause);
  const auto go_on = EachNode(Continue);
  faults->push_back({"kill", "kill -9 of one process", AnyOne(100, 5'000), kill, let_up});
  faults->push_back(
      {"kill-most-stores", "kill -9 of most stores at once", DrawMostStores, kill, let_up});
  faults->push_back({"kill-pds", "kill -9 of all PD members at once", DrawAllPds, kill, let_up});
  faults->push_back({"kill-all", "kill -9 of everything at once", DrawAll, kill, let_up});
  faults->push_back({"terminate", "SIGTERM to one process, which is started again later",
                     AnyOne(3'000, 8'000), EachNode(Terminate), let_up});
  faults->push_back({"pause-store", "SIGSTOP of a store, beyond its leases; SIGCONT",
                     OneOf(&Targets::stores, 500, 8'000), pause, go_on});
  faults->push_back({"pause-pd", "SIGSTOP of a PD member, beyond its lease; SIGCONT",
                     OneOf(&Targets::pds, 500, 8'000), pause, go_on});
}

}  // namespace flotilla::chaos
