#include <spdlog/fmt/fmt.h>

#include "common/base/status_macros.h"
#include "tests/cluster/chaos/fault.h"

namespace flotilla::chaos {
namespace {

absl::Status LosePower(ChaosCluster& cluster, ChaosNode& node, const Strike& strike) {
  cluster.HoldDown(node);
  node.Kill();
  return node.LosePower(static_cast<uint64_t>(strike.value)).status();
}

absl::Status PowerIsBack(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.LetUp(node);
  return absl::OkStatus();
}

void DrawAll(const Targets& targets, env::Random& random, Strike* strike) {
  strike->nodes = targets.all();
  strike->for_ms = DrawMs(random, 100, 2'000);
  strike->value = static_cast<int64_t>(random.Uniform(1'000'000));
}

absl::Status SlowSyncs(ChaosCluster&, ChaosNode& node, const Strike& strike) {
  return node.disk().Tell(fmt::format("sync-delay {}", 50 + strike.value % 1'000)).status();
}

absl::Status HungSyncs(ChaosCluster&, ChaosNode& node, const Strike&) {
  return node.disk().Tell("sync-delay 60000").status();
}

absl::Status QuickSyncs(ChaosCluster&, ChaosNode& node, const Strike&) {
  return node.disk().Tell("sync-delay 0").status();
}

absl::Status FailingSync(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.BeginDiskFault(node);
  return node.disk().Tell("fail-syncs 1").status();
}

// What the failed sync has dropped is gone for good only with the power.
absl::Status AfterFailedSync(ChaosCluster& cluster, ChaosNode& node, const Strike& strike) {
  RETURN_IF_ERROR(node.disk().Tell("fail-syncs 0").status());
  node.Kill();
  RETURN_IF_ERROR(node.LosePower(static_cast<uint64_t>(strike.value)).status());
  cluster.EndDiskFault(node);
  return absl::OkStatus();
}

absl::Status FullDisk(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.BeginDiskFault(node);
  return node.disk().Tell("capacity 0").status();
}

absl::Status RoomAgain(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  RETURN_IF_ERROR(node.disk().Tell(fmt::format("capacity {}", uint64_t{4} << 30)).status());
  cluster.EndDiskFault(node);
  return absl::OkStatus();
}

}  // namespace

void AddDiskFaults(std::vector<Fault>* faults) {
  const auto quick = EachNode(QuickSyncs);
  faults->push_back({"power-loss", "a node loses its power, and what it had not synced",
                     AnyOne(100, 4'000), EachNode(LosePower), EachNode(PowerIsBack)});
  faults->push_back({"power-cut", "all nodes lose their power at once", DrawAll,
                     EachNode(LosePower), EachNode(PowerIsBack)});
  faults->push_back({"slow-sync", "syncs of a node take 50 ms to 1 s more", AnyOne(1'000, 8'000),
                     EachNode(SlowSyncs), quick});
  faults->push_back(
      {"hung-disk", "no sync of a node ends", AnyOne(1'000, 8'000), EachNode(HungSyncs), quick});
  faults->push_back({"failed-sync", "a sync fails: the process must stop itself; then power loss",
                     AnyOne(2'000, 6'000), EachNode(FailingSync), EachNode(AfterFailedSync)});
  faults->push_back({"full-disk", "a store's disk takes nothing more",
                     OneOf(&Targets::stores, 1'000, 8'000), EachNode(FullDisk),
                     EachNode(RoomAgain)});
}

}  // namespace flotilla::chaos
