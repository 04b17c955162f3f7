// What every simulated process has: a clock and stages of its own, an event loop on the network,
// and a server.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_NODE_PROCESS_H_
#define FLOTILLA_TESTS_SIM_NODE_PROCESS_H_

#include <string>

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

struct Process {
  Process(const std::string& host, const ClockError& error, testing::SimWorld* world,
          Fabric* fabric)
      : scheduler(world, error.drift_ppm), loop(host, &scheduler, fabric) {
    scheduler.SetWallSkew(error.wall_skew_ms);
    scheduler.Start();
  }
  ~Process() { loop.Stop(); }

  metrics::Registry metrics;
  testing::SimScheduler scheduler;
  SimEventLoop loop;
  rpc::ChannelPool pool;
  SimServer server;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_PROCESS_H_
