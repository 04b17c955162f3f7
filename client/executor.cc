#include "client/executor.h"

#include <algorithm>

namespace flotilla::client {

void Executor::PostAfter(env::Duration wait, Task task) {
  const env::Instant due = clock_->Now() + wait;
  bool is_next = false;
  {
    MutexLock lock(mutex_);
    is_next = heap_.empty() || due < heap_.front().due;
    heap_.push_back({due, next_sequence_++, std::move(task)});
    std::push_heap(heap_.begin(), heap_.end(), Later());
  }
  if (is_next && waker_ != nullptr) waker_->Wake();
}

void Executor::ExpireAll() {
  {
    MutexLock lock(mutex_);
    const env::Instant now = clock_->Now();
    for (Timer& timer : heap_) timer.due = std::min(timer.due, now);
    std::make_heap(heap_.begin(), heap_.end(), Later());
  }
  if (waker_ != nullptr) waker_->Wake();
}

bool Executor::RunOnce() {
  std::vector<Timer> due;
  TakeDue(due);
  for (Timer& timer : due) std::move(timer.task)();
  return !due.empty();
}

void Executor::TakeDue(std::vector<Timer>& due) {
  const env::Instant now = clock_->Now();
  MutexLock lock(mutex_);
  while (!heap_.empty() && heap_.front().due <= now) {
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    due.push_back(std::move(heap_.back()));
    heap_.pop_back();
  }
}

std::optional<env::Instant> Executor::next_deadline() const {
  MutexLock lock(mutex_);
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

}  // namespace flotilla::client
