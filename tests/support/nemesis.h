// Random faults of processes, their disks and the network between them, for simulated clusters of
// any kind: what a run may suffer is drawn from its seed, then happens one fault after the other.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SUPPORT_NEMESIS_H_
#define FLOTILLA_TESTS_SUPPORT_NEMESIS_H_

#include "common/env/random.h"
#include "tests/support/fault_network.h"
#include "tests/support/sim_world.h"

namespace flotilla::testing {

// Where a kill meets the process.
enum class CrashMoment {
  // Between two runs of its stages: what waits for the log writer is lost, and so are the data that
  // were not flushed.
  kBetweenSteps,
  // What waited for the log writer got to the disk, but nobody was told.
  kAfterLogWrite,
};

// A simulated cluster as its faults see it. Stores count from 1.
class FaultTarget {
 public:
  virtual ~FaultTarget() = default;
  virtual int stores() const = 0;
  virtual bool IsUp(int store) const = 0;
  virtual FaultNetwork& network() = 0;
  // REQUIRES: the store is up; so for all that follow, save Restart.
  virtual SimScheduler& process(int store) = 0;
  virtual void FlushData(int store) = 0;
  virtual void Kill(int store, CrashMoment moment) = 0;
  // REQUIRES: the store is down.
  virtual void Restart(int store) = 0;
};

// Which faults a run has.
struct FaultMix {
  bool crashes = false;
  bool partitions = false;
  bool pauses = false;
  // Single stages (the disk of the log, a raft worker, an apply worker) stand still for a while.
  bool slow_stages = false;
  bool flushes = false;
  NetworkFaults network;

  static FaultMix Draw(env::Random& random);
};

class Nemesis {
 public:
  // `target` must outlive this.
  Nemesis(FaultTarget* target, const FaultMix& mix, env::Random random);

  // One fault, or the end of one.
  void Strike();
  // All stores run, everybody reaches everybody, nothing is lost any more.
  void HealAll();

 private:
  int AnyStore() { return 1 + static_cast<int>(random_.Uniform(target_->stores())); }
  void CrashOrRestart(int store);
  void Kill(int store);
  void Partition(int store);
  void PauseOrResume(int store);
  void SlowDown(int store);
  void Release(int store);

  FaultTarget* const target_;
  const FaultMix mix_;
  env::Random random_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_NEMESIS_H_
