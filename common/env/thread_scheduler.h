// The production scheduler: one thread a stage.
#ifndef FLOTILLA_COMMON_ENV_THREAD_SCHEDULER_H_
#define FLOTILLA_COMMON_ENV_THREAD_SCHEDULER_H_

#include <memory>
#include <vector>

#include "common/env/clock.h"
#include "common/env/stage.h"

namespace flotilla::env {

class ThreadScheduler final : public Scheduler {
 public:
  explicit ThreadScheduler(const Clock* clock);
  ~ThreadScheduler() override;

  // REQUIRES: Start was not called yet.
  Waker* Add(Stage* stage) override;
  void Start() override;
  // Idempotent. A stage's RunOnce that is under way is finished first.
  void Stop() override;

 private:
  class StageThread;
  const Clock* const clock_;
  bool started_ = false;
  std::vector<std::unique_ptr<StageThread>> threads_;
};

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_THREAD_SCHEDULER_H_
