#include "tests/cluster/chaos/fault.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"

namespace flotilla::chaos {

Names Targets::all() const {
  Names names = pds;
  names.insert(names.end(), stores.begin(), stores.end());
  return names;
}

std::vector<Fault> AllFaults() {
  std::vector<Fault> faults;
  AddProcessFaults(&faults);
  AddNetworkFaults(&faults);
  AddDiskFaults(&faults);
  AddClockFaults(&faults);
  AddControlFaults(&faults);
  return faults;
}

Names Some(const Names& names, size_t count, env::Random& random) {
  Names left = names;
  Names drawn;
  while (drawn.size() < count && !left.empty()) {
    const size_t i = random.Uniform(left.size());
    drawn.push_back(left[i]);
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return drawn;
}

int64_t DrawMs(env::Random& random, int64_t low, int64_t high) {
  return static_cast<int64_t>(
      random.Between(static_cast<uint64_t>(low), static_cast<uint64_t>(high)));
}

std::function<void(const Targets&, env::Random&, Strike*)> OneOf(Names Targets::*kind,
                                                                 int64_t low_ms, int64_t high_ms) {
  return [=](const Targets& targets, env::Random& random, Strike* strike) {
    strike->nodes = Some(targets.*kind, 1, random);
    strike->for_ms = DrawMs(random, low_ms, high_ms);
    strike->value = static_cast<int64_t>(random.Uniform(1'000'000));
  };
}

std::function<void(const Targets&, env::Random&, Strike*)> AnyOne(int64_t low_ms, int64_t high_ms) {
  return [=](const Targets& targets, env::Random& random, Strike* strike) {
    strike->nodes = Some(targets.all(), 1, random);
    strike->for_ms = DrawMs(random, low_ms, high_ms);
    strike->value = static_cast<int64_t>(random.Uniform(1'000'000));
  };
}

std::function<absl::Status(ChaosCluster&, const Strike&)> EachNode(NodeAction action) {
  return [action = std::move(action)](ChaosCluster& cluster, const Strike& strike) {
    for (const std::string& name : strike.nodes) {
      RETURN_IF_ERROR(action(cluster, cluster.node(name), strike));
    }
    return absl::OkStatus();
  };
}

}  // namespace flotilla::chaos
