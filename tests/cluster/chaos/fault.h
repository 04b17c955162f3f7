// What is done to a cluster of real processes, as small objects in a list.
//
// A strike is one fault at one time at named nodes, drawn from a seed; a schedule is a list of them
// and can be written and read, so that it can be repeated. A fault begins, and ends some time
// later; several may go on at once.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_FAULT_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_FAULT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/env/random.h"
#include "tests/cluster/chaos/chaos_cluster.h"

namespace flotilla::chaos {

struct Strike {
  int64_t at_ms = 0;
  // From its beginning to its end.
  int64_t for_ms = 0;
  std::string fault;
  Names nodes;
  // What it means is the fault's business: percent, milliseconds, a seed.
  int64_t value = 0;
};

// Who there is to strike at.
struct Targets {
  Names pds;
  Names stores;
  Names all() const;
};

struct Fault {
  std::string name;
  // In a few words, for --help.
  std::string what;
  // Draws whom it strikes, for how long and how hard.
  std::function<void(const Targets&, env::Random&, Strike*)> draw;
  std::function<absl::Status(ChaosCluster&, const Strike&)> begin;
  std::function<absl::Status(ChaosCluster&, const Strike&)> end;
};

// All that there are.
std::vector<Fault> AllFaults();

// By subject.
void AddProcessFaults(std::vector<Fault>* faults);
void AddNetworkFaults(std::vector<Fault>* faults);
void AddDiskFaults(std::vector<Fault>* faults);
void AddClockFaults(std::vector<Fault>* faults);
void AddControlFaults(std::vector<Fault>* faults);

// For the draws.
Names Some(const Names& names, size_t count, env::Random& random);
int64_t DrawMs(env::Random& random, int64_t low, int64_t high);
// Draws a single node, and a duration.
std::function<void(const Targets&, env::Random&, Strike*)> OneOf(Names Targets::*kind,
                                                                 int64_t low_ms, int64_t high_ms);
std::function<void(const Targets&, env::Random&, Strike*)> AnyOne(int64_t low_ms, int64_t high_ms);

// Does it to each of the strike's nodes, up to the first failure.
using NodeAction = std::function<absl::Status(ChaosCluster&, ChaosNode&, const Strike&)>;
std::function<absl::Status(ChaosCluster&, const Strike&)> EachNode(NodeAction action);

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_FAULT_H_
