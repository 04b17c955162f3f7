// What every simulated process has: a clock and stages of its own, an event loop on the network,
// and a server.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_NODE_PROCESS_H_
#define FLOTILLA_TESTS_SIM_NODE_PROCESS_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/env/fail_stop.h"
#include "common/metrics/registry.h"
#include "common/rpc/channel.h"
#include "tests/sim/rpc/sim_event_loop.h"
#include "tests/sim/rpc/sim_server.h"
#include "tests/support/sim_world.h"

namespace flotilla::sim {

// How a host's clocks differ from the world's; outlives its processes.
struct ClockError {
  int64_t drift_ppm = 0;
  int64_t wall_skew_ms = 0;
};

class Process final : public env::FailStop {
 public:
  // `mute` ends its part in the network of Raft messages.
  Process(
      const std::string& host, const ClockError& error, testing::SimWorld* world, Fabric* fabric,
      std::function<void()> mute = [] {})
      : scheduler(world, error.drift_ppm),
        loop(host, &scheduler, fabric),
        host_(host),
        fabric_(fabric),
        mute_(std::move(mute)) {
    scheduler.SetWallSkew(error.wall_skew_ms);
    scheduler.Start();
  }
  ~Process() override { loop.Stop(); }

  // It dies here: what it does until its present stage returns is not seen by anybody. Whoever read
  // what is damaged does not go on with it.
  void OnDiskFailure(const absl::Status& why) override {
    if (scheduler.stopped()) return;
    scheduler.Stop();
    mute_();
    fabric_->Detach(host_);
    death = why;
    if (absl::IsDataLoss(why)) throw testing::ProcessEnded();
  }

  // Why it stopped itself; OK: it did not.
  absl::Status death;
  metrics::Registry metrics;
  testing::SimScheduler scheduler;
  SimEventLoop loop;
  rpc::ChannelPool pool;
  SimServer server;

 private:
  const std::string host_;
  Fabric* const fabric_;
  const std::function<void()> mute_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_PROCESS_H_
