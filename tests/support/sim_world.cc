#include "tests/support/sim_world.h"

#include <algorithm>

namespace flotilla::testing {
namespace {

constexpr int64_t kPerUnit = 1'000'000;  // Drift is in parts of this.
constexpr uint64_t kMostReady = 1 << 20;

// Steele, Lea and Flood's finalizer.
uint64_t Mix(uint64_t hash, uint64_t a, uint64_t b) {
  for (const uint64_t word : {a, b}) {
    hash = (hash ^ word) * 0xbf58476d1ce4e5b9;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
    hash ^= hash >> 31;
  }
  return hash;
}

}  // namespace

bool SimWorld::Step() {
  if (interrupt_ && steps_ >= interrupt_at_) std::exchange(interrupt_, nullptr)();
  std::vector<SimScheduler::Slot*> ready;
  std::optional<env::Instant> next;
  for (SimScheduler* process : processes_) {
    if (!process->runs()) continue;
    const env::Instant local = process->Now();
    for (const auto& slot : process->slots()) {
      if (slot->CanRun(local)) {
        ready.push_back(slot.get());
      } else if (slot->deadline() && !slot->held()) {
        const env::Instant due = process->ToWorld(*slot->deadline());
        next = next ? std::min(*next, due) : due;
      }
    }
  }
  if (!ready.empty()) {
    ++steps_;
    const uint64_t chosen = random_.Uniform(ready.size());
    const auto at = static_cast<uint64_t>(clock_.Now().time_since_epoch().count());
    fingerprint_ = Mix(fingerprint_, at, ready.size() * kMostReady + chosen);
    ready[chosen]->Run();
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

void SimScheduler::HoldStage(std::string_view name, bool hold) {
  for (auto& slot : slots_) {
    if (slot->name() == name) slot->Hold(hold);
  }
}

void SimScheduler::RunStage(std::string_view name) {
  for (auto& slot : slots_) {
    if (slot->name() == name && slot->CanRun(Now())) slot->Run();
  }
}

std::vector<std::string_view> SimScheduler::StageNames() const {
  std::vector<std::string_view> names;
  for (const auto& slot : slots_) names.push_back(slot->name());
  return names;
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

// Whole units and the rest apart, so that no product overflows.
env::Instant SimScheduler::Now() const {
  const int64_t world = world_->now().time_since_epoch().count();
  const int64_t gained = world / kPerUnit * drift_ppm_ + world % kPerUnit * drift_ppm_ / kPerUnit;
  return env::Instant(env::Duration(world + gained));
}

// From the whole of the time that has passed: the world's steps are shorter than a millisecond.
int64_t SimScheduler::WallMillis() const {
  constexpr int64_t kWallAtStart = 1'700'000'000'000;
  const auto passed = world_->now().time_since_epoch();
  return kWallAtStart + std::chrono::duration_cast<std::chrono::milliseconds>(passed).count() +
         wall_skew_ms_;
}

env::Instant SimScheduler::ToWorld(env::Instant instant) const {
  const int64_t local = instant.time_since_epoch().count();
  const int64_t rate = kPerUnit + drift_ppm_;
  // Rounded up; Step looks at the process' own clock before it runs anything.
  return env::Instant(env::Duration(local / rate * kPerUnit + local % rate * kPerUnit / rate + 1));
}

}  // namespace flotilla::testing
