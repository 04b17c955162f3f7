// A Stage is the unit of concurrency: an inbox and a RunOnce that does bounded work to the end.
//
// A stage is run by one thread at a time and never blocks on another stage, sleeps or waits; its
// state needs no lock. In production a ThreadScheduler gives each stage a thread; the simulator
// runs all stages of all processes in one thread and picks the next one by its seed.
#ifndef FLOTILLA_COMMON_ENV_STAGE_H_
#define FLOTILLA_COMMON_ENV_STAGE_H_

#include <optional>
#include <string_view>

#include "common/env/clock.h"

namespace flotilla::env {

// Tells a scheduler that a stage has something to do. Thread-safe; cheap when the stage runs
// already.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void Wake() = 0;
};

class Stage {
 public:
  virtual ~Stage() = default;
  // For thread names, logs and metrics: at most 15 characters.
  virtual std::string_view name() const = 0;
  // Does a bounded amount of work. Returns true when it should be run again at once; false when
  // there is nothing to do until the stage is woken or `next_deadline` is reached.
  virtual bool RunOnce() = 0;
  // When the stage wants to run even if nobody wakes it. Asked after RunOnce returned false.
  virtual std::optional<Instant> next_deadline() const { return std::nullopt; }
};

// Runs stages. Add all stages, then Start; Stop returns when none runs any more.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  // `stage` must outlive the scheduler's Stop. The waker lives as long as the scheduler.
  virtual Waker* Add(Stage* stage) = 0;
  virtual void Start() = 0;
  virtual void Stop() = 0;
};

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_STAGE_H_
