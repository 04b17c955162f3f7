// One client's work: it has some operations under way at once, of any workload, and rests a while
// after each.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_DRIVER_H_
#define FLOTILLA_TESTS_SIM_DRIVER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/env/random.h"
#include "common/env/stage.h"
#include "tests/sim/node/client_node.h"
#include "tests/sim/plan.h"
#include "tests/workload/workload.h"

namespace flotilla::sim {

class Driver final : public env::Stage {
 public:
  // Becomes a stage of the client's process. All must outlive it.
  Driver(ClientNode* client, const std::vector<std::unique_ptr<testing::Workload>>* workloads,
         const Plan& plan, env::Random random);

  // Begins nothing any more.
  void Finish() { finishing_ = true; }
  // Reads everything once more. REQUIRES: idle.
  void BeginLastReads();
  bool IsIdle() const { return busy_ == 0; }

  std::string_view name() const override { return "driver"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override;

 private:
  testing::Caller CallerNow();
  void Begin(size_t slot);
  void OnDone(size_t slot);

  ClientNode* const client_;
  const std::vector<std::unique_ptr<testing::Workload>>* const workloads_;
  const env::Duration max_pause_;
  env::Random random_;
  env::Waker* const waker_;
  bool finishing_ = false;
  size_t busy_ = 0;
  // When each of the slots begins its next operation; none while it is busy.
  std::vector<std::optional<env::Instant>> next_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_DRIVER_H_
