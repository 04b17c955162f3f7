// Turns one asynchronous call into a blocking one, for tools and start-up code:
//
//   Waiter<pdpb::Region> region;
//   client.GetRegion(key, region.callback());
//   ASSIGN_OR_RETURN(pdpb::Region found, region.Wait());
//
// Never on a thread of the client's own: it would wait for itself.
#ifndef FLOTILLA_COMMON_PDCLIENT_WAITER_H_
#define FLOTILLA_COMMON_PDCLIENT_WAITER_H_

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"

namespace flotilla::pdclient {

// `Result` is what the callback is given: absl::StatusOr<T> or absl::Status.
template <typename Result>
class ResultWaiter {
 public:
  // Call once. The callback may outlive the waiter.
  auto callback() {
    return [state = state_](Result result) {
      MutexLock lock(state->mutex);
      state->result.emplace(std::move(result));
      state->arrived.NotifyAll();
    };
  }

  // Blocks until the callback was called. Call once.
  Result Wait() {
    MutexLock lock(state_->mutex);
    while (!state_->result.has_value()) state_->arrived.Wait(state_->mutex);
    return *std::move(state_->result);
  }

 private:
  struct State {
    Mutex mutex;
    CondVar arrived;
    std::optional<Result> result ABSL_GUARDED_BY(mutex);
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

template <typename T>
using Waiter = ResultWaiter<absl::StatusOr<T>>;
using StatusWaiter = ResultWaiter<absl::Status>;

}  // namespace flotilla::pdclient

#endif  // FLOTILLA_COMMON_PDCLIENT_WAITER_H_
