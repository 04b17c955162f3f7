#include "tests/support/sim_world.h"

#include <algorithm>

namespace flotilla::testing {

bool SimWorld::Step() {
  std::vector<SimScheduler::Slot*> ready;
  std::optional<env::Instant> next;
  for (SimScheduler* process : processes_) {
    if (!process->runs()) continue;
    const env::Instant local = process->Now();
    for (const auto& slot : process->slots()) {
      if (slot->CanRun(local)) {
        ready.push_back(slot.get());
      } else if (slot->deadline()) {
        const env::Instant due = process->ToWorld(*slot->deadline());
        next = next ? std::min(*next, due) : due;
      }
    }
  }
  if (!ready.empty()) {
    ++steps_;
    ready[random_.Uniform(ready.size())]->Run();
    clock_.Advance(env::Duration(random_.Uniform(kMaxStep.count())));
    return true;
  }
  if (!next) return false;
  clock_.Advance(std::max(*next - clock_.Now(), env::Duration(1)));
  return true;
}

void SimWorld::RunFor(env::Duration time) {
  RunUntil([] { return false; }, time);
}

bool SimWorld::RunUntil(const std::function<bool()>& done, env::Duration limit) {
  const env::Instant end = now() + limit;
  while (!done()) {
    if (now() >= end || !Step()) return false;
  }
  return true;
}

SimScheduler::SimScheduler(SimWorld* world, int64_t drift_ppm)
    : world_(world), drift_ppm_(drift_ppm) {
  world_->AddProcess(this);
}

SimScheduler::~SimScheduler() { world_->RemoveProcess(this); }

env::Waker* SimScheduler::Add(env::Stage* stage) {
  slots_.push_back(std::make_unique<Slot>(stage));
  return slots_.back().get();
}

void SimScheduler::Slot::Run() {
  // As the thread scheduler does: what comes while the stage runs wakes it again.
  woken_ = false;
  if (stage_->RunOnce()) {
    woken_ = true;
  } else {
    deadline_ = stage_->next_deadline();
  }
}

env::Instant SimScheduler::Now() const {
  const env::Duration world = world_->now().time_since_epoch();
  return env::Instant(world + world / 1'000'000 * drift_ppm_);
}

env::Instant SimScheduler::ToWorld(env::Instant instant) const {
  const env::Duration local = instant.time_since_epoch();
  // Rounded up; Step looks at the process' own clock before it runs anything.
  return env::Instant(local / (1'000'000 + drift_ppm_) * 1'000'000 + std::chrono::microseconds(1));
}

}  // namespace flotilla::testing
