// A whole run: the cluster starts, clients work while faults strike, all heals, and what clients
// were told is held against what each replica holds.
//
// Blocks.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_RUN_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_RUN_H_

#include <map>
#include <string>
#include <vector>

#include "tests/cluster/chaos/chaos_cluster.h"
#include "tests/cluster/chaos/nemesis.h"
#include "tests/cluster/chaos/replica_reader.h"
#include "tests/cluster/chaos/schedule.h"
#include "tests/workload/workload.h"

namespace flotilla::chaos {

struct ChaosPlan {
  uint64_t seed = 1;
  std::chrono::seconds length{60};
  ChaosCluster::Plan cluster;
  Schedule schedule;
  // Disks answer syncs without doing them: what a power loss then takes must be noticed.
  bool disks_lie = false;
};

struct ChaosReport {
  std::map<std::string, Hits> faults;
  testing::Tallies operations;
  ReplicasRead replicas;
  uint64_t starts = 0;
  uint64_t stopped_themselves = 0;
  // Nothing could be said, for the cluster never came up.
  bool started = false;
  std::vector<std::string> violations;

  // For people, with the verdict.
  std::string Text() const;
};

// Writes evidence below plan.cluster.directory: the schedule at once, histories and the report in
// the end, and of disks what they held where something was wrong.
ChaosReport RunChaos(const ChaosPlan& plan, const std::vector<Fault>& faults);

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_RUN_H_
