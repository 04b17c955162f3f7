// What a seed draws: the cluster, its sizes, and what goes wrong how often.
#ifndef FLOTILLA_TESTS_SIM_PLAN_H_
#define FLOTILLA_TESTS_SIM_PLAN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/sim/node/client_node.h"
#include "tests/sim/node/pd_node.h"
#include "tests/sim/node/store_node.h"
#include "tests/sim/rpc/fabric.h"
#include "tests/support/fault_network.h"

namespace flotilla::sim {

enum class Profile {
  // Each seed turns some of the faults on.
  kSwarm,
  // All of them, more often.
  kStorm,
  // None: what is slow or wrong here is so without any.
  kQuiet,
};

// InvalidArgument: there is none of that name.
absl::StatusOr<Profile> ProfileOf(std::string_view name);

struct WeightedName {
  std::string name;
  uint64_t weight = 0;
};

struct Plan {
  uint64_t seed = 1;
  int pd_members = 3;
  int stores = 3;
  int clients = 3;
  // Operations that a client has under way at once.
  int slots = 1;
  PdNodeOptions pd;
  StoreNodeOptions store;
  ClientNodeOptions client;
  int64_t max_drift_ppm = 0;
  int64_t max_wall_skew_ms = 0;
  FabricFaults fabric;
  testing::NetworkFaults network;
  // By the names of fault/faults.h.
  std::vector<WeightedName> faults;
  env::Duration max_fault_pause = std::chrono::milliseconds(1000);
  env::Duration max_client_pause = std::chrono::milliseconds(100);
  uint64_t keys = 50;

  // Plans have editions: what a later one has added is drawn apart, so that a seed of an earlier
  // edition still has the plan that it had.
  static constexpr int kEdition = 2;
  static Plan Draw(uint64_t seed, Profile profile, int edition = kEdition);
  // In a few lines, for people.
  std::string Describe() const;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_PLAN_H_
