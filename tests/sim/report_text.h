// What runs of the simulator say to people.
#ifndef FLOTILLA_TESTS_SIM_REPORT_TEXT_H_
#define FLOTILLA_TESTS_SIM_REPORT_TEXT_H_

#include <map>
#include <string>

#include "tests/sim/simulation.h"

namespace flotilla::sim {

// The seed's plan, the last of what happened, or all of it, and what was violated.
std::string TextOf(const Report& report, bool everything);

// Of many seeds.
class Summary {
 public:
  void Add(const Report& report);
  // Simulated time, faults by kind, operations by kind and outcome.
  std::string Text() const;
  uint64_t operations() const;
  uint64_t faults() const;

 private:
  uint64_t seeds_ = 0;
  uint64_t steps_ = 0;
  uint64_t regions_ = 0;
  uint64_t hash_ = 0;
  env::Duration simulated_{};
  std::map<std::string, uint64_t> faults_;
  testing::Tallies operations_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_REPORT_TEXT_H_
