#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "tests/cluster/chaos/fault.h"

namespace flotilla::chaos {
namespace {

using Cable = std::pair<std::string, std::string>;
// Which directions a strike cuts: from, to.
using Cables = std::function<std::vector<Cable>(ChaosCluster&, const Strike&)>;

Fault Partition(const std::string& name, const std::string& what,
                std::function<void(const Targets&, env::Random&, Strike*)> draw, Cables cables) {
  const auto each =
      [cables](absl::Status (ChaosCluster::*change)(const std::string&, const std::string&)) {
        return [cables, change](ChaosCluster& cluster, const Strike& strike) {
          for (const auto& [from, to] : cables(cluster, strike)) {
            RETURN_IF_ERROR((cluster.*change)(from, to));
          }
          return absl::OkStatus();
        };
      };
  return {name, what, std::move(draw), each(&ChaosCluster::Cut), each(&ChaosCluster::Heal)};
}

Names Others(ChaosCluster& cluster, const Names& nodes) {
  Names others;
  for (const std::string& name : cluster.names()) {
    if (std::find(nodes.begin(), nodes.end(), name) == nodes.end()) others.push_back(name);
  }
  return others;
}

std::vector<Cable> In(ChaosCluster& cluster, const Strike& strike) {
  std::vector<Cable> cables;
  for (const std::string& other : Others(cluster, strike.nodes)) {
    for (const std::string& node : strike.nodes) cables.push_back({other, node});
  }
  return cables;
}

std::vector<Cable> Out(ChaosCluster& cluster, const Strike& strike) {
  std::vector<Cable> cables = In(cluster, strike);
  for (Cable& cable : cables) std::swap(cable.first, cable.second);
  return cables;
}

std::vector<Cable> Both(ChaosCluster& cluster, const Strike& strike) {
  std::vector<Cable> cables = In(cluster, strike);
  const std::vector<Cable> back = Out(cluster, strike);
  cables.insert(cables.end(), back.begin(), back.end());
  return cables;
}

// All but the first are cut from all that are not named; the first sees everybody.
std::vector<Cable> AroundBridge(ChaosCluster& cluster, const Strike& strike) {
  Strike without = strike;
  without.nodes.erase(without.nodes.begin());
  std::vector<Cable> cables = Both(cluster, without);
  std::erase_if(cables, [&](const Cable& cable) {
    return cable.first == strike.nodes.front() || cable.second == strike.nodes.front();
  });
  return cables;
}

std::vector<Cable> FromClients(ChaosCluster&, const Strike& strike) {
  return {{"clients", strike.nodes.front()}};
}

void DrawHalf(const Targets& targets, env::Random& random, Strike* strike) {
  const Names all = targets.all();
  strike->nodes = Some(all, all.size() / 2, random);
  strike->for_ms = DrawMs(random, 1'000, 8'000);
}

absl::Status BeginDelay(ChaosCluster&, ChaosNode& node, const Strike& strike) {
  LinkBehaviour behaviour;
  const bool is_long = strike.value % 4 == 0;
  behaviour.delay_min = std::chrono::milliseconds(is_long ? 500 : 25);
  behaviour.delay_max = std::chrono::milliseconds(is_long ? 1'000 : 125);
  node.proxy().Behave(behaviour);
  return absl::OkStatus();
}

absl::Status BeginCorruption(ChaosCluster&, ChaosNode& node, const Strike&) {
  LinkBehaviour behaviour;
  behaviour.corrupted = 0.02;
  node.proxy().Behave(behaviour);
  return absl::OkStatus();
}

absl::Status EndBehaviour(ChaosCluster&, ChaosNode& node, const Strike&) {
  node.proxy().Behave({});
  return absl::OkStatus();
}

absl::Status BeginLoss(ChaosCluster&, ChaosNode& node, const Strike& strike) {
  return node.wire().SetLoss(static_cast<int>(5 + strike.value % 30));
}

absl::Status EndLoss(ChaosCluster&, ChaosNode& node, const Strike&) {
  return node.wire().SetLoss(0);
}

absl::Status ResetNow(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  node.proxy().ResetAll();
  cluster.OnTend("resets of " + node.name(), [&node] { node.proxy().ResetAll(); });
  return absl::OkStatus();
}

absl::Status EndResets(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.DropOnTend("resets of " + node.name());
  return absl::OkStatus();
}

absl::Status BeginFlapping(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.OnTend("flapping of " + node.name(), [&node, down = false]() mutable {
    down = !down;
    node.wire().SetDown(down).IgnoreError();
  });
  return absl::OkStatus();
}

absl::Status EndFlapping(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.DropOnTend("flapping of " + node.name());
  return node.wire().SetDown(false);
}

}  // namespace

void AddNetworkFaults(std::vector<Fault>* faults) {
  const auto alone = AnyOne(500, 8'000);
  const auto end_behaviour = EachNode(EndBehaviour);
  faults->push_back(Partition("cut-in", "a node hears no other node", alone, In));
  faults->push_back(Partition("cut-out", "a node is heard by no other node", alone, Out));
  faults->push_back(Partition("isolate", "a node is cut from all other nodes", alone, Both));
  faults->push_back(Partition("cut-clients", "clients do not reach a node", alone, FromClients));
  faults->push_back(
      Partition("halves", "half of the nodes are cut from the others", DrawHalf, Both));
  faults->push_back(
      Partition("bridge", "halves, with one node that sees both", DrawHalf, AroundBridge));
  faults->push_back({"delay", "what comes to a node is late", AnyOne(1'000, 8'000),
                     EachNode(BeginDelay), end_behaviour});
  faults->push_back({"corrupt", "bits flip on the way to a store from other stores",
                     OneOf(&Targets::stores, 1'000, 8'000), EachNode(BeginCorruption),
                     end_behaviour});
  faults->push_back({"loss", "a node loses 5 to 34 % of the packets that come to it",
                     AnyOne(1'000, 8'000), EachNode(BeginLoss), EachNode(EndLoss)});
  faults->push_back({"reset", "a storm of connection resets at a node", AnyOne(100, 2'000),
                     EachNode(ResetNow), EachNode(EndResets)});
  faults->push_back({"flap", "a node's link goes up and down all the time", AnyOne(1'000, 5'000),
                     EachNode(BeginFlapping), EachNode(EndFlapping)});
}

}  // namespace flotilla::chaos
