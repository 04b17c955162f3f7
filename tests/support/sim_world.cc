#include "tests/support/sim_world.h"

#include <algorithm>

namespace flotilla::testing {
namespace {

constexpr int64_t kPerUnit = 1'000'000;  // Drift is in parts of this.
constexpr uint64_t kMostReady = 1 << 20;
// No simulation lasts that long.
constexpr env::Instant kNever = env::Instant(std::chrono::hours(24 * 365 * 10));

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
  const env::Instant now = clock_.Now();
  env::Instant next = env::Instant::max();
  ready_.clear();
  for (SimScheduler* process : processes_) {
    if (!process->runs()) continue;
    for (const auto& slot : process->slots()) {
      if (slot->CanRun(now)) {
        ready_.push_back(slot.get());
      } else {
        next = std::min(next, slot->LooksAt());
      }
    }
  }
  if (!ready_.empty()) {
    ++steps_;
    const uint64_t chosen = random_.Uniform(ready_.size());
    const auto at = static_cast<uint64_t>(now.time_since_epoch().count());
    fingerprint_ = Mix(fingerprint_, at, ready_.size() * kMostReady + chosen);
    static_cast<SimScheduler::Slot*>(ready_[chosen])->Run();
    clock_.Advance(env::Duration(random_.Uniform(kMaxStep.count())));
    return true;
  }
  if (next == env::Instant::max()) return false;
  clock_.Advance(std::max(next - now, env::Duration(1)));
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
  slots_.push_back(std::make_unique<Slot>(stage, this));
  return slots_.back().get();
}

void SimScheduler::HoldStage(std::string_view name, bool hold) {
  for (auto& slot : slots_) {
    if (slot->name() == name) slot->Hold(hold);
  }
}

void SimScheduler::RunStage(std::string_view name) {
  for (auto& slot : slots_) {
    if (slot->name() == name && slot->CanRun(world_->now())) slot->Run();
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
  bool again = true;
  try {
    again = stage_->RunOnce();
  } catch (const ProcessEnded&) {
    // A network that delivered to the process goes on.
  }
  if (again) {
    woken_ = true;
    return;
  }
  const std::optional<env::Instant> deadline = stage_->next_deadline();
  due_ = deadline ? process_->FirstInWorld(*deadline) : env::Instant::max();
  looks_at_ = deadline ? process_->ToWorld(*deadline) : env::Instant::max();
}

env::Instant SimScheduler::Now() const { return LocalAt(world_->now()); }

// Whole units and the rest apart, so that no product overflows.
env::Instant SimScheduler::LocalAt(env::Instant time) const {
  const int64_t world = time.time_since_epoch().count();
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
  if (instant > kNever) return env::Instant::max();
  const int64_t local = instant.time_since_epoch().count();
  const int64_t rate = kPerUnit + drift_ppm_;
  // Rounded up; Step looks at the process' own clock before it runs anything.
  return env::Instant(env::Duration(local / rate * kPerUnit + local % rate * kPerUnit / rate + 1));
}

env::Instant SimScheduler::FirstInWorld(env::Instant instant) const {
  if (instant > kNever) return env::Instant::max();
  // Clocks never go back: a few nanoseconds of rounding are all that there is to correct.
  env::Instant first = ToWorld(instant);
  while (LocalAt(first) < instant) first += env::Duration(1);
  while (first > env::Instant() && LocalAt(first - env::Duration(1)) >= instant) {
    first -= env::Duration(1);
  }
  return first;
}

}  // namespace flotilla::testing
