#include "tests/support/nemesis.h"

#include <string_view>
#include <vector>

namespace flotilla::testing {

FaultMix FaultMix::Draw(env::Random& random) {
  FaultMix mix;
  mix.crashes = random.Chance(0.9);
  mix.partitions = random.Chance(0.6);
  mix.pauses = random.Chance(0.3);
  mix.slow_stages = random.Chance(0.4);
  mix.flushes = random.Chance(0.3);
  mix.network = {.drop = random.Chance(0.5) ? 0.1 * random.Fraction() : 0,
                 .duplicate = random.Chance(0.5) ? 0.1 * random.Fraction() : 0,
                 .replay = random.Chance(0.3) ? 0.1 * random.Fraction() : 0,
                 .max_delay = std::chrono::microseconds(random.Between(50, 30'000))};
  return mix;
}

Nemesis::Nemesis(FaultTarget* target, const FaultMix& mix, env::Random random)
    : target_(target), mix_(mix), random_(random) {
  target_->network().SetFaults(mix_.network);
}

void Nemesis::Strike() {
  const int store = AnyStore();
  switch (random_.Uniform(9)) {
    case 0:
    case 1:
    case 8:
      if (mix_.crashes) CrashOrRestart(store);
      break;
    case 2:
      if (!target_->IsUp(store)) target_->Restart(store);
      break;
    case 3:
      if (mix_.partitions) Partition(store);
      break;
    case 4:
      target_->network().Heal();
      break;
    case 5:
      if (mix_.pauses) PauseOrResume(store);
      break;
    case 6:
      if (mix_.slow_stages && target_->IsUp(store)) SlowDown(store);
      break;
    default:
      if (mix_.flushes && target_->IsUp(store)) target_->FlushData(store);
  }
}

void Nemesis::HealAll() {
  target_->network().SetFaults({});
  target_->network().Heal();
  for (int store = 1; store <= target_->stores(); ++store) {
    if (!target_->IsUp(store)) target_->Restart(store);
    target_->process(store).Resume();
    Release(store);
  }
}

void Nemesis::CrashOrRestart(int store) {
  if (!target_->IsUp(store)) return target_->Restart(store);
  Kill(store);
  if (!random_.Chance(0.1)) return;
  // The power fails for all of them.
  for (int other = 1; other <= target_->stores(); ++other) {
    if (target_->IsUp(other)) Kill(other);
  }
}

void Nemesis::Kill(int store) {
  target_->Kill(store,
                random_.Chance(0.3) ? CrashMoment::kAfterLogWrite : CrashMoment::kBetweenSteps);
}

void Nemesis::Partition(int store) {
  const StoreId id(static_cast<uint64_t>(store));
  if (random_.Chance(0.5)) return target_->network().Isolate(id);
  target_->network().Cut(id, StoreId(static_cast<uint64_t>(AnyStore())));
}

void Nemesis::PauseOrResume(int store) {
  if (!target_->IsUp(store)) return;
  if (target_->process(store).paused()) {
    target_->process(store).Resume();
  } else {
    target_->process(store).Pause();
  }
}

void Nemesis::SlowDown(int store) {
  if (random_.Chance(0.5)) return Release(store);
  const std::vector<std::string_view> stages = target_->process(store).StageNames();
  target_->process(store).HoldStage(stages[random_.Uniform(stages.size())], true);
}

void Nemesis::Release(int store) {
  for (const std::string_view stage : target_->process(store).StageNames()) {
    target_->process(store).HoldStage(stage, false);
  }
}

}  // namespace flotilla::testing
