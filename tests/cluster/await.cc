#include "tests/cluster/await.h"

#include "client/cli/posix_processes.h"
#include "common/env/clock.h"

namespace flotilla::cluster_test {
namespace {

constexpr std::chrono::milliseconds kPoll{20};

}  // namespace

bool Await(std::chrono::milliseconds within, const std::function<bool()>& condition) {
  const env::SystemClock clock;
  cli::PosixProcesses processes;
  const env::Instant deadline = clock.Now() + within;
  while (!condition()) {
    if (clock.Now() >= deadline) return false;
    processes.Pause(kPoll);
  }
  return true;
}

}  // namespace flotilla::cluster_test
