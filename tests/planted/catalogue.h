// The planted bugs by name: what is wrong with each, and who has to find it how soon.
#ifndef FLOTILLA_TESTS_PLANTED_CATALOGUE_H_
#define FLOTILLA_TESTS_PLANTED_CATALOGUE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/planted_bugs.h"

namespace flotilla::planted {

struct PlantedBug {
  Bug bug = Bug::kNone;
  std::string_view name;
  // What is wrong, as a sentence without its end.
  std::string_view what;
  // The program that has to find it: flotilla-sim or raft-sim.
  std::string_view finder;
  // Within so many seeds from 1 on. 0: it does not find it soon enough, which is a hole of it.
  uint64_t seeds = 0;
};

// All of them, in the order of Bug.
std::span<const PlantedBug> Catalogue();

// A line each: name, finder, seeds and what is wrong, with tabs between.
std::string CatalogueText();

// Switches one on for the rest of the process. Not OK: there is none of that name, or this build
// holds none.
absl::Status PlantByName(std::string_view name);

}  // namespace flotilla::planted

#endif  // FLOTILLA_TESTS_PLANTED_CATALOGUE_H_
