// Processes of this machine, as `flotilla up` and `down` need them. Tests replace it.
#ifndef FLOTILLA_CLIENT_CLI_PROCESS_CONTROL_H_
#define FLOTILLA_CLIENT_CLI_PROCESS_CONTROL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/env/clock.h"

namespace flotilla::cli {

struct RunningProcess {
  int pid = 0;
  std::vector<std::string> arguments;  // The first one is the program.
};

// Not thread-safe.
class ProcessControl {
 public:
  virtual ~ProcessControl() = default;
  // Starts a process in a session of its own, so that a terminal's Ctrl-C does not reach it; input
  // from nowhere, output and errors appended to `log_file`. Returns its pid.
  virtual absl::StatusOr<int> Spawn(const std::vector<std::string>& arguments,
                                    const std::string& log_file) = 0;
  // False once it has ended; a child is reaped then.
  virtual bool IsAlive(int pid) = 0;
  virtual void Signal(int pid, int signal_number) = 0;
  // Those of this machine whose program has this base name.
  virtual std::vector<RunningProcess> FindByProgram(const std::string& base_name) = 0;
  virtual bool IsPortFree(int port) = 0;
  // The path of the program `base_name`: beside this one, or on PATH. NotFound names both places.
  virtual absl::StatusOr<std::string> FindProgram(const std::string& base_name) = 0;
  // Lets `wait` go by. True when SIGINT or SIGTERM came since CatchInterrupts; the first one ends
  // the wait.
  virtual bool Pause(env::Duration wait) = 0;
  // From now on these signals end Pause and not the process. Called before threads are started.
  virtual void CatchInterrupts() = 0;
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_PROCESS_CONTROL_H_
