#include "tests/cluster/chaos/fault.h"

namespace flotilla::chaos {
namespace {

void DrawNumber(const Targets&, env::Random& random, Strike* strike) {
  strike->value = static_cast<int64_t>(random.Uniform(1'000'000));
}

absl::Status Split(ChaosCluster& cluster, const Strike& strike) {
  cluster.control().split(static_cast<uint64_t>(strike.value));
  return absl::OkStatus();
}

absl::Status MoveLeader(ChaosCluster& cluster, const Strike& strike) {
  cluster.control().move_leader(static_cast<uint64_t>(strike.value));
  return absl::OkStatus();
}

absl::Status Nothing(ChaosCluster&, const Strike&) { return absl::OkStatus(); }

}  // namespace

void AddControlFaults(std::vector<Fault>* faults) {
  faults->push_back({"split", "a region is split", DrawNumber, Split, Nothing});
  faults->push_back({"move-leader", "a region's leader is moved", DrawNumber, MoveLeader, Nothing});
}

}  // namespace flotilla::chaos
