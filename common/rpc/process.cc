#include "common/rpc/process.h"

#include <sys/resource.h>

#include <algorithm>

#include "absl/synchronization/mutex.h"
#include "common/base/log.h"

namespace flotilla::rpc {

void SetUpProcess() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  // Where it is refused, FitConnections sees what there is.
  setrlimit(RLIMIT_NOFILE, &limit);
}

size_t FitConnections(size_t wanted, size_t other_files) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  const size_t files = limit.rlim_cur;
  const size_t room = std::max(files - std::min(files, other_files), files / 2);
  if (wanted <= room) return wanted;
  LOG_WARN(
      "server.max-connections is lowered from {} to {}: the process may open {} files (ulimit -n), "
      "and {} are kept for other things",
      wanted, room, files, files - room);
  return std::max<size_t>(room, 1);
}

}  // namespace flotilla::rpc
