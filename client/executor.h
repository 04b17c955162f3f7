// The client's one thread of its own: runs what must happen later (a retry after its wait) or apart
// from the caller's stack (a retry at once, which must not recurse).
//
// Thread-safe. The number of waiting tasks is bounded by the operations in flight, which the client
// limits. Tasks must not block.
#ifndef FLOTILLA_CLIENT_EXECUTOR_H_
#define FLOTILLA_CLIENT_EXECUTOR_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/stage.h"

namespace flotilla::client {

class Executor final : public env::Stage {
 public:
  using Task = absl::AnyInvocable<void() &&>;

  explicit Executor(const env::Clock* clock) : clock_(clock) {}

  // Set once, after Scheduler::Add and before anything is posted.
  void SetWaker(env::Waker* waker) { waker_ = waker; }

  void Post(Task task) { PostAfter(env::Duration::zero(), std::move(task)); }
  void PostAfter(env::Duration wait, Task task);

  // Makes every waiting task due at once: the client is closing, and the tasks will see it.
  void ExpireAll();

  std::string_view name() const override { return "client"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override;

 private:
  struct Timer {
    env::Instant due;
    uint64_t sequence;  // Tasks due at the same instant run in the order of posting.
    Task task;
  };
  struct Later {
    bool operator()(const Timer& a, const Timer& b) const {
      return std::pair(a.due, a.sequence) > std::pair(b.due, b.sequence);
    }
  };
  void TakeDue(std::vector<Timer>& due);

  const env::Clock* const clock_;
  env::Waker* waker_ = nullptr;
  mutable Mutex mutex_;
  uint64_t next_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Timer> heap_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_EXECUTOR_H_
