// How a process ends that cannot trust its disk any more: a write or sync of what it promises has
// failed, its data do not match their checksums, or another process runs with a copy of them.
//
// The assembly brings one: production's ends the process, the simulator's kills the simulated one.
#ifndef FLOTILLA_COMMON_ENV_FAIL_STOP_H_
#define FLOTILLA_COMMON_ENV_FAIL_STOP_H_

#include <string>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace flotilla::env {

// Thread-safe.
class FailStop {
 public:
  virtual ~FailStop() = default;
  // `why` names what failed, and its file or region. Nothing that the process does from now on may
  // be seen by anybody: production's does not return. A simulator's does; whoever called it returns
  // as well, without telling anybody of success, and no stage of the process runs again. When a
  // read found damage, it throws instead: its caller may count on an answer.
  virtual void OnDiskFailure(const absl::Status& why) = 0;
};

// Tells `fail_stop`; aborts if it is null.
void StopForDisk(FailStop* fail_stop, const absl::Status& why);

// Exit code of a process that its disk has stopped: EX_IOERR of sysexits.h.
inline constexpr int kDiskFailureExitCode = 74;

// Ends the process with that code, and a line in the log that says why and what to do.
class ExitOnDiskFailure final : public FailStop {
 public:
  // The line names `data_dir`. `to_stderr`: the log goes elsewhere, so the line is written there as
  // well.
  ExitOnDiskFailure(std::string data_dir, bool to_stderr)
      : data_dir_(std::move(data_dir)), to_stderr_(to_stderr) {}

  [[noreturn]] void OnDiskFailure(const absl::Status& why) override;

 private:
  const std::string data_dir_;
  const bool to_stderr_;
  // Held for ever by whoever ends the process: one line is written.
  Mutex mutex_;
};

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_FAIL_STOP_H_
