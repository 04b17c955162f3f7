// What one run of the simulation is like. All of it is drawn from the seed.
#ifndef FLOTILLA_TESTS_RAFT_SIM_OPTIONS_H_
#define FLOTILLA_TESTS_RAFT_SIM_OPTIONS_H_

#include <cstdint>
#include <string>

#include "common/env/random.h"
#include "common/raft/raw_node.h"

namespace flotilla::raft::sim {

// Virtual time; a tick of every node takes kTick.
using Time = uint64_t;
inline constexpr Time kTick = 100;

struct Options {
  uint64_t voters = 3;
  uint64_t spares = 0;  // Peers that only a change of membership brings in.
  Config config;        // A template for all but id and random_seed.
  Time chaos = 0;       // How long faults happen.

  // Network.
  double drop = 0;
  double duplicate = 0;
  Time delay_max = 0;
  double partition = 0;  // Chance a fault is one.
  Time fault_gap_max = 0;
  // Nodes.
  double crash = 0;
  Time disk_max = 0;  // Longest write.
  Time host_max = 0;  // How long a host lets a Ready or a completion wait.
  Time down_max = 0;
  // Requests, by node and tick.
  double propose = 0;
  double conf_change = 0;
  double transfer = 0;
  double read = 0;
  double compact = 0;
  // Chance that clients write nothing for a while after a fault: logs are equal then.
  double rest = 0;
  // Chance that a fault lets one member not hear of the leader, of whom all others do.
  double deafen = 0;
  // Chance that who gets a message of an election dies of it and is back at once.
  double bounce = 0;

  std::string ToString() const;
};

Options DrawOptions(env::Random random);

}  // namespace flotilla::raft::sim

#endif  // FLOTILLA_TESTS_RAFT_SIM_OPTIONS_H_
