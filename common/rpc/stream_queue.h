// What waits to be sent on a stream: any thread pushes, the loop thread takes as much as one
// message may hold. Bounded by count and bytes.
#ifndef FLOTILLA_COMMON_RPC_STREAM_QUEUE_H_
#define FLOTILLA_COMMON_RPC_STREAM_QUEUE_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "common/base/mutex.h"

namespace flotilla::rpc {

template <typename T>
class StreamQueue {
 public:
  StreamQueue(size_t max_items, size_t max_bytes) : max_items_(max_items), max_bytes_(max_bytes) {}

  // False, and `item` untouched, when it does not fit. `bytes`: what the item weighs.
  [[nodiscard]] bool TryPush(T&& item, size_t bytes) {
    MutexLock lock(mutex_);
    if (items_.size() >= max_items_ || bytes_ + bytes > max_bytes_) return false;
    items_.emplace_back(std::move(item), bytes);
    bytes_ += bytes;
    return true;
  }

  // Hands items to `take(T&&)`, at least one if there is any, until `max_items` were taken or their
  // bytes reach `max_bytes`. Returns how many. `take` must not use the queue.
  template <typename Take>
  size_t TakeUpTo(size_t max_items, size_t max_bytes, Take take) {
    MutexLock lock(mutex_);
    size_t taken = 0, taken_bytes = 0;
    while (!items_.empty() && taken < max_items && (taken == 0 || taken_bytes < max_bytes)) {
      auto& [item, bytes] = items_.front();
      take(std::move(item));
      taken_bytes += bytes;
      ++taken;
      items_.pop_front();
    }
    bytes_ -= taken_bytes;
    return taken;
  }

  size_t Clear() {
    MutexLock lock(mutex_);
    const size_t dropped = items_.size();
    items_.clear();
    bytes_ = 0;
    return dropped;
  }

  size_t size() const {
    MutexLock lock(mutex_);
    return items_.size();
  }
  size_t bytes() const {
    MutexLock lock(mutex_);
    return bytes_;
  }

 private:
  const size_t max_items_;
  const size_t max_bytes_;
  mutable Mutex mutex_;
  std::deque<std::pair<T, size_t>> items_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_STREAM_QUEUE_H_
