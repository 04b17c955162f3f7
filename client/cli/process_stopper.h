// Stops the processes of a local cluster: stores first, so that PD can see their leaders leave.
#ifndef FLOTILLA_CLIENT_CLI_PROCESS_STOPPER_H_
#define FLOTILLA_CLIENT_CLI_PROCESS_STOPPER_H_

#include <string>
#include <vector>

#include "client/cli/console.h"
#include "client/cli/exit_code.h"
#include "client/cli/local_cluster.h"
#include "client/cli/process_control.h"
#include "common/env/clock.h"

namespace flotilla::cli {

inline constexpr env::Duration kDefaultKillAfter = std::chrono::seconds(30);

struct Stopped {
  std::string name;
  int pid = 0;
  // It did not stop by itself within the time.
  bool was_killed = false;
};

// SIGTERM, a wait, and SIGKILL for what is left after `kill_after`. Sets the pids to 0.
std::vector<Stopped> StopProcesses(ProcessControl& control, const env::Clock& clock,
                                   std::vector<LocalProcess>& processes, env::Duration kill_after);

// Says what was stopped and how; kFailed when something had to be killed.
ExitCode ReportStopped(const Console& console, const std::vector<Stopped>& stopped);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_PROCESS_STOPPER_H_
