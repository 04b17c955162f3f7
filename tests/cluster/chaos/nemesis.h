// Carries a schedule out: begins each strike when its time has come and ends it when it is over.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_NEMESIS_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_NEMESIS_H_

#include <map>
#include <string>
#include <vector>

#include "tests/cluster/chaos/schedule.h"

namespace flotilla::chaos {

// How often a fault began, and at how many nodes in all.
struct Hits {
  uint64_t strikes = 0;
  uint64_t nodes = 0;
};

class Nemesis {
 public:
  // All must outlive it.
  Nemesis(const std::vector<Fault>* faults, ChaosCluster* cluster, testing::Violations* violations)
      : faults_(faults), cluster_(cluster), violations_(violations) {}

  // Until the schedule's end and `length`, or for as long as `goes_on` says so. In the end all is
  // healed.
  void Run(const Schedule& schedule, std::chrono::milliseconds length,
           const std::function<bool()>& goes_on);
  // By fault.
  const std::map<std::string, Hits>& struck() const { return struck_; }

 private:
  const Fault& FaultOf(const Strike& strike) const;
  void Begin(const Strike& strike, int64_t now_ms);
  void EndUntil(int64_t now_ms);
  void Note(const absl::Status& status, const Strike& strike);

  const std::vector<Fault>* const faults_;
  ChaosCluster* const cluster_;
  testing::Violations* const violations_;
  const env::SystemClock clock_;
  // By the time of their ends.
  std::multimap<int64_t, Strike> going_on_;
  std::map<std::string, Hits> struck_;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_NEMESIS_H_
