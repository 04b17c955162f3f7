// What must become true once all is healed: regions that tile, members that hold the same, and a PD
// that knows them.
#ifndef FLOTILLA_TESTS_SIM_CHECK_SETTLED_H_
#define FLOTILLA_TESTS_SIM_CHECK_SETTLED_H_

#include <string>

#include "tests/sim/cluster.h"

namespace flotilla::sim {

// Empty once leaders' regions tile the key space, every member has applied what its leader has,
// nobody else is there, and PD's leader knows the same regions; else what is missing, in words.
std::string WhatIsUnsettled(Cluster& cluster);

// REQUIRES: settled. All members of each region hold the same, and no store holds keys of regions
// that are not its own; else a violation.
void CheckReplicas(Cluster& cluster);

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_CHECK_SETTLED_H_
