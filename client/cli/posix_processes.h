// ProcessControl of a real machine: posix_spawn, /proc and signals.
#ifndef FLOTILLA_CLIENT_CLI_POSIX_PROCESSES_H_
#define FLOTILLA_CLIENT_CLI_POSIX_PROCESSES_H_

#include <string>
#include <vector>

#include "client/cli/process_control.h"

namespace flotilla::cli {

class PosixProcesses final : public ProcessControl {
 public:
  absl::StatusOr<int> Spawn(const std::vector<std::string>& arguments,
                            const std::string& log_file) override;
  bool IsAlive(int pid) override;
  void Signal(int pid, int signal_number) override;
  std::vector<RunningProcess> FindByProgram(const std::string& base_name) override;
  bool IsPortFree(int port) override;
  absl::StatusOr<std::string> FindProgram(const std::string& base_name) override;
  bool Pause(env::Duration wait) override;
  void CatchInterrupts() override;

 private:
  bool catches_ = false;
  bool interrupted_ = false;
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_POSIX_PROCESSES_H_
