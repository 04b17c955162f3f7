// The queue in front of a stage: many threads push, the stage takes all that waits at once.
//
// Thread-safe. Bounded for requests (TryPush refuses when full); completions, which must not be
// lost and whose number is bounded by the requests under way, use PushCompletion and are always
// taken.
#ifndef FLOTILLA_COMMON_ENV_INBOX_H_
#define FLOTILLA_COMMON_ENV_INBOX_H_

#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/env/stage.h"

namespace flotilla::env {

template <typename T>
class Inbox {
 public:
  explicit Inbox(size_t capacity) : capacity_(capacity) {}

  // Set once, after Scheduler::Add and before anything is pushed.
  void SetWaker(Waker* waker) { waker_ = waker; }

  // False, and `item` untouched, when `capacity` items wait already.
  [[nodiscard]] bool TryPush(T&& item) {
    bool was_empty = false;
    {
      MutexLock lock(mutex_);
      if (items_.size() >= capacity_) return false;
      was_empty = items_.empty();
      items_.push_back(std::move(item));
    }
    if (was_empty && waker_ != nullptr) waker_->Wake();
    return true;
  }

  void PushCompletion(T&& item) {
    bool was_empty = false;
    {
      MutexLock lock(mutex_);
      was_empty = items_.empty();
      items_.push_back(std::move(item));
    }
    if (was_empty && waker_ != nullptr) waker_->Wake();
  }

  // Moves everything that waits to `out`, which must be empty: its storage is reused.
  void TakeAll(std::vector<T>& out) {
    MutexLock lock(mutex_);
    items_.swap(out);
  }

  size_t size() const {
    MutexLock lock(mutex_);
    return items_.size();
  }

 private:
  const size_t capacity_;
  Waker* waker_ = nullptr;
  mutable Mutex mutex_;
  std::vector<T> items_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_INBOX_H_
