#include "common/rpc/http_task_queue.h"

#include <utility>

#include "common/base/check.h"

namespace flotilla::rpc {

HttpTaskQueue::HttpTaskQueue(int threads, size_t max_waiting) : max_waiting_(max_waiting) {
  CHECK(threads > 0 && max_waiting_ > 0);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

HttpTaskQueue::~HttpTaskQueue() { CHECK(threads_.empty()); }

void HttpTaskQueue::enqueue(std::function<void()> task) {
  MutexLock lock(mutex_);
  while (waiting_.size() >= max_waiting_) not_full_.Wait(mutex_);
  waiting_.push_back(std::move(task));
  not_empty_.NotifyOne();
}

void HttpTaskQueue::shutdown() {
  {
    MutexLock lock(mutex_);
    shut_down_ = true;
  }
  not_empty_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void HttpTaskQueue::Run() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && !shut_down_) not_empty_.Wait(mutex_);
      if (waiting_.empty()) return;
      task = std::move(waiting_.front());
      waiting_.pop_front();
      not_full_.NotifyOne();
    }
    task();
  }
}

}  // namespace flotilla::rpc
