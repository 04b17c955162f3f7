#include "common/rpc/process.h"

#include "absl/synchronization/mutex.h"

namespace flotilla::rpc {

void SetUpProcess() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

}  // namespace flotilla::rpc
