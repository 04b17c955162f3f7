// What runs of the simulator say to people.
#ifndef FLOTILLA_TESTS_SIM_REPORT_TEXT_H_
#define FLOTILLA_TESTS_SIM_REPORT_TEXT_H_

#include <cstdint>
#include <map>
#include <string>

#include "tests/sim/simulation.h"

namespace flotilla::sim {

// Of what happened, the last or nothing.
enum class Notes { kLast, kNone };

// The seed's plan, what happened, and what was violated.
std::string TextOf(const Report& report, Notes notes = Notes::kLast);

// Of many seeds.
class Summary {
 public:
  void Add(const Report& report);
  // Simulated time, faults by kind, operations by kind and outcome.
  std::string Text() const;
  uint64_t operations() const;
  uint64_t faults() const;
  uint64_t seeds() const { return seeds_; }
  uint64_t damage_found() const { return damage_found_; }

 private:
  uint64_t seeds_ = 0;
  uint64_t steps_ = 0;
  uint64_t regions_ = 0;
  uint64_t damage_found_ = 0;
  // Of each seed, so that the order in which they end does not matter.
  std::map<uint64_t, uint64_t> hashes_;
  env::Duration simulated_{};
  std::map<std::string, uint64_t> faults_;
  testing::Tallies operations_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_REPORT_TEXT_H_
