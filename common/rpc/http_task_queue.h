// The connections of an HTTP server that wait for one of its threads: a bounded number of them.
// Internal to common/rpc; includes httplib.
#ifndef FLOTILLA_COMMON_RPC_HTTP_TASK_QUEUE_H_
#define FLOTILLA_COMMON_RPC_HTTP_TASK_QUEUE_H_

#include <httplib.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/base/mutex.h"

namespace flotilla::rpc {

class HttpTaskQueue final : public httplib::TaskQueue {
 public:
  HttpTaskQueue(int threads, size_t max_waiting);
  // REQUIRES: shutdown was called.
  ~HttpTaskQueue() override;

  // Waits while the queue is full: the server accepts no further connection meanwhile, they stay
  // with the system. A task owns a socket, so none is ever dropped.
  void enqueue(std::function<void()> task) override;
  // Runs what waits, and returns when no thread is left.
  void shutdown() override;

 private:
  void Run();

  const size_t max_waiting_;
  Mutex mutex_;
  CondVar not_empty_;
  CondVar not_full_;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_HTTP_TASK_QUEUE_H_
