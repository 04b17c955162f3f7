// What replicas hold once they have applied the same position of their region, while everything
// goes wrong.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_CHECK_APPLIED_STATES_H_
#define FLOTILLA_TESTS_SIM_CHECK_APPLIED_STATES_H_

#include <map>
#include <utility>

#include "tests/sim/check/check.h"

namespace flotilla::sim {

class AppliedStates final : public Check {
 public:
  void Look(Cluster& cluster) override;

 private:
  struct State {
    StoreId store;
    uint64_t hash = 0;
  };

  void LookAt(Cluster& cluster, StoreNode& node);

  uint64_t looks_ = 0;
  std::map<std::pair<RegionId, Index>, State> states_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_CHECK_APPLIED_STATES_H_
