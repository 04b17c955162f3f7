// One seed from beginning to end: a cluster comes up; clients work while everything goes wrong that
// the plan has; then all heals, and within bounded time every operation has ended, the regions have
// settled, and what clients were told is true.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_SIMULATION_H_
#define FLOTILLA_TESTS_SIM_SIMULATION_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/check/check.h"
#include "tests/sim/cluster.h"
#include "tests/sim/driver.h"
#include "tests/sim/fault/fault.h"
#include "tests/sim/plan.h"
#include "tests/workload/workload.h"

namespace flotilla::sim {

struct Report {
  uint64_t seed = 0;
  std::vector<std::string> violations;
  // A fingerprint of all that happened.
  uint64_t hash = 0;
  env::Duration simulated{};
  uint64_t steps = 0;
  std::map<std::string, uint64_t> faults;
  testing::Tallies operations;
  uint64_t regions = 0;
  // Processes that refused to go on because of damage.
  uint64_t damage_found = 0;
  // What was drawn, and what happened.
  std::string plan;
  std::vector<std::string> notes;
};

class Simulation {
 public:
  // Hears of all that happens when it happens; messages too, if the filter says so.
  struct Watch {
    TraceFilter trace;
    std::function<void(const std::string&)> listener;
  };

  Simulation(const Plan& plan, env::Duration faulty, Watch watch = {});
  // Once.
  Report Run();

 private:
  void Safety();
  void Liveness();
  // Whatever was asked for was answered, and nothing is kept for it any more.
  void CheckNothingWaits();
  void StrikeOnce();
  // The checks look now and then.
  void RunFor(env::Duration time);
  // False, and a violation: not within the limit.
  bool Await(const std::string& what, const std::function<std::string()>& missing,
             env::Duration limit);

  const Plan plan_;
  const env::Duration faulty_;
  env::Random random_;
  const Faults faults_ = MakeFaults();
  const Checks checks_ = MakeChecks();
  // The cluster's end tells these of what still waits.
  Report report_;
  std::vector<std::unique_ptr<testing::Workload>> workloads_;
  std::vector<std::unique_ptr<Driver>> drivers_;
  Cluster cluster_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_SIMULATION_H_
