// What must be true of the cluster itself, whatever clients see. Each check looks every few
// milliseconds while everything goes wrong, and once more when the cluster has settled.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_CHECK_CHECK_H_
#define FLOTILLA_TESTS_SIM_CHECK_CHECK_H_

#include <memory>
#include <vector>

#include "tests/sim/cluster.h"

namespace flotilla::sim {

class Check {
 public:
  virtual ~Check() = default;
  // Must be cheap.
  virtual void Look(Cluster&) {}
  // REQUIRES: nothing is unsettled.
  virtual void AtRest(Cluster&) {}
};

using Checks = std::vector<std::unique_ptr<Check>>;

// All that there are.
Checks MakeChecks();

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_CHECK_CHECK_H_
