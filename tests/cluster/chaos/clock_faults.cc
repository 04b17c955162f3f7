#include <chrono>

#include "tests/cluster/chaos/fault.h"

namespace flotilla::chaos {
namespace {

using std::chrono::hours;

absl::Status JumpAnHour(ChaosCluster&, ChaosNode& node, const Strike& strike) {
  return node.clock().Set(hours(strike.value % 2 == 0 ? 1 : -1));
}

absl::Status JumpAYear(ChaosCluster&, ChaosNode& node, const Strike&) {
  return node.clock().Set(hours(365 * 24));
}

absl::Status SetRight(ChaosCluster&, ChaosNode& node, const Strike&) {
  return node.clock().Set({});
}

absl::Status BeginStrobe(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.OnTend("strobe of " + node.name(), [&node, ahead = false]() mutable {
    ahead = !ahead;
    node.clock().Set(std::chrono::milliseconds(ahead ? 200 : -200)).IgnoreError();
  });
  return absl::OkStatus();
}

absl::Status EndStrobe(ChaosCluster& cluster, ChaosNode& node, const Strike&) {
  cluster.DropOnTend("strobe of " + node.name());
  return node.clock().Set({});
}

void DrawPds(const Targets& targets, env::Random& random, Strike* strike) {
  strike->nodes = targets.pds;
  strike->for_ms = DrawMs(random, 500, 5'000);
}

}  // namespace

void AddClockFaults(std::vector<Fault>* faults) {
  const auto right = EachNode(SetRight);
  faults->push_back({"clock-hour", "a node's wall clock jumps by an hour, to either side, and back",
                     AnyOne(500, 8'000), EachNode(JumpAnHour), right});
  faults->push_back({"clock-year", "a PD member's wall clock jumps a year ahead, and back",
                     OneOf(&Targets::pds, 500, 5'000), EachNode(JumpAYear), right});
  faults->push_back({"clock-year-all",
                     "the wall clocks of all PD members jump a year ahead, and "
                     "back",
                     DrawPds, EachNode(JumpAYear), right});
  faults->push_back({"clock-strobe", "a node's wall clock jumps to and fro by 400 ms",
                     AnyOne(1'000, 8'000), EachNode(BeginStrobe), EachNode(EndStrobe)});
}

}  // namespace flotilla::chaos
