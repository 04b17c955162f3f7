// Virtual time and all stages of all processes of a simulation, run by one thread in an order that
// a seed picks. The same seed and the same stages give the same run.
//
// A process is a SimScheduler: it has its own clock, which may run fast or slow, can be paused like
// a process that got SIGSTOP, and stops for good like one that was killed.
//
// Not thread-safe: all of a simulation runs in one thread.
#ifndef FLOTILLA_TESTS_SUPPORT_SIM_WORLD_H_
#define FLOTILLA_TESTS_SUPPORT_SIM_WORLD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/env/clock.h"
#include "common/env/random.h"
#include "common/env/stage.h"

namespace flotilla::testing {

class SimScheduler;

// Thrown out of a stage, or whatever else its process does, when that process is over in the midst
// of it.
struct ProcessEnded {};

class SimWorld {
 public:
  // Real time that one run of a stage takes at most.
  static constexpr env::Duration kMaxStep = std::chrono::microseconds(40);

  explicit SimWorld(uint64_t seed) : random_(env::Random(seed).Fork("world")) {}

  env::Instant now() const { return clock_.Now(); }
  // Runs one stage that can run, or else lets time pass to the next deadline. False when no stage
  // will ever run again.
  bool Step();
  void RunFor(env::Duration time);
  // Until `done` or for `limit`; returns whether `done`.
  bool RunUntil(const std::function<bool()>& done, env::Duration limit);
  // Calls `what` once, between two stages, when so many have been run: a place to crash at.
  void InterruptAt(uint64_t steps, std::function<void()> what) {
    interrupt_at_ = steps;
    interrupt_ = std::move(what);
  }
  // Number of stages run: a fingerprint of the run together with the clock.
  uint64_t steps() const { return steps_; }
  // Of which stages ran, and when.
  uint64_t fingerprint() const { return fingerprint_; }
  const env::ManualClock& clock() const { return clock_; }

  // For SimScheduler.
  void AddProcess(SimScheduler* process) { processes_.push_back(process); }
  void RemoveProcess(SimScheduler* process) { std::erase(processes_, process); }

 private:
  std::vector<SimScheduler*> processes_;
  env::ManualClock clock_;
  env::Random random_;
  uint64_t steps_ = 0;
  uint64_t fingerprint_ = 0;
  uint64_t interrupt_at_ = 0;
  std::function<void()> interrupt_;
  std::vector<env::Waker*> ready_;  // Of one Step; kept for its memory.
};

class SimScheduler final : public env::Scheduler, public env::Clock {
 public:
  // The process' clock gains `drift_ppm` microseconds a second of the world's time.
  explicit SimScheduler(SimWorld* world, int64_t drift_ppm = 0);
  ~SimScheduler() override;

  // env::Scheduler.
  env::Waker* Add(env::Stage* stage) override;
  void Start() override { running_ = true; }
  void Stop() override { running_ = false; }

  // env::Clock.
  env::Instant Now() const override;
  int64_t WallMillis() const override;

  // The wall clock is off by so much from now on: it jumps.
  void SetWallSkew(int64_t ms) { wall_skew_ms_ = ms; }
  // None of the stages runs until Resume; time goes on.
  void Pause() { paused_ = true; }
  void Resume() { paused_ = false; }
  bool paused() const { return paused_; }
  bool stopped() const { return !running_; }
  // The stage of that name alone does not run while it is held.
  void HoldStage(std::string_view name, bool hold);
  // One run of the stage right now, if it has something to do.
  void RunStage(std::string_view name);
  std::vector<std::string_view> StageNames() const;

  // For SimWorld: a stage and what is known of it.
  class Slot final : public env::Waker {
   public:
    Slot(env::Stage* stage, const SimScheduler* process) : stage_(stage), process_(process) {}
    void Wake() override { woken_ = true; }
    // At that time of the world's.
    bool CanRun(env::Instant now) const { return !held_ && (woken_ || due_ <= now); }
    std::string_view name() const { return stage_->name(); }
    void Hold(bool hold) { held_ = hold; }
    // The time of the world's to look again at; the end of time: it waits to be woken or let go.
    env::Instant LooksAt() const { return held_ ? env::Instant::max() : looks_at_; }
    void Run();

   private:
    env::Stage* const stage_;
    const SimScheduler* const process_;
    bool woken_ = true;  // Each stage runs once when its process starts.
    bool held_ = false;
    // Of the stage's deadline, by the world's clock: its first moment, and SimScheduler::ToWorld.
    env::Instant due_ = env::Instant::max();
    env::Instant looks_at_ = env::Instant::max();
  };
  bool runs() const { return running_ && !paused_; }
  const std::vector<std::unique_ptr<Slot>>& slots() const { return slots_; }
  // The world's time at which the process' clock shows `instant`, or shortly after.
  env::Instant ToWorld(env::Instant instant) const;
  // The first time of the world's at which the process' clock shows `instant` or more.
  env::Instant FirstInWorld(env::Instant instant) const;

 private:
  // What the process' clock shows at that time of the world's.
  env::Instant LocalAt(env::Instant world) const;

  SimWorld* const world_;
  const int64_t drift_ppm_;
  int64_t wall_skew_ms_ = 0;
  bool running_ = false;
  bool paused_ = false;
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_SIM_WORLD_H_
