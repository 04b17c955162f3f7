// One gRPC completion queue, polled by one thread: everything that this process sends and receives
// by RPC goes through it, servers and clients alike (docs/rpc.md says why one).
//
// Thread-safe. Handlers and callbacks run on the loop thread and must not block it.
#ifndef FLOTILLA_COMMON_RPC_EVENT_LOOP_H_
#define FLOTILLA_COMMON_RPC_EVENT_LOOP_H_

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"

namespace grpc {
class Alarm;
class ServerBuilder;
class ServerCompletionQueue;
}  // namespace grpc

namespace flotilla::rpc {

class EventLoop {
 public:
  using Task = absl::AnyInvocable<void() &&>;

  // An operation of a client that is under way: Stop cancels it and waits for its end.
  class Operation {
   public:
    // Any thread. The operation then ends soon, with its usual callback.
    virtual void Cancel() = 0;

    // Neighbours in the loop's list, under the loop's mutex; nobody else's business.
    Operation* previous = nullptr;
    Operation* next = nullptr;

   protected:
    Operation() = default;
    ~Operation() = default;
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
  };

  // `name`: of the thread, at most 15 characters. `clock` must outlive the loop.
  EventLoop(std::string name, const env::Clock* clock);
  // Stops first.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Call once.
  void Start();
  // Cancels the clients' operations, runs the timers that still wait at once, and returns when all
  // have ended. Idempotent. REQUIRES: servers on this loop are shut down; not on the loop thread.
  void Stop();

  // Runs `task` on the loop thread, soon. Once the loop has stopped it is dropped.
  void Post(Task task);
  // Runs `task` on the loop thread after `delay`, or early when the loop stops.
  void RunAfter(env::Duration delay, Task task);

  // Stop was called: what breaks now need not be repaired.
  bool stopping() const { return stopping_.load(); }
  bool InLoopThread() const { return std::this_thread::get_id() == thread_.get_id(); }
  const env::Clock& clock() const { return *clock_; }

  // --- For the adapters in this folder
  // ------------------------------------------------------------ False when the loop is stopping:
  // the operation must not begin.
  [[nodiscard]] bool Register(Operation* operation);
  void Unregister(Operation* operation);
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  // What the queue was made with; a server that uses the queue must be built by it. Once.
  std::unique_ptr<grpc::ServerBuilder> TakeServerBuilder();
  // Lets go of `object` once nothing on the queue can point to it any more.
  void KeepUntilStopped(std::shared_ptr<void> object);

 private:
  class WakeCompletion;
  struct Timer {
    env::Instant at;
    uint64_t order;
    mutable Task task;
    bool operator<(const Timer& other) const {
      return std::pair(at, order) < std::pair(other.at, other.order);
    }
  };

  void Run();
  void RunPosted();
  void RunDueTimers();
  // Shuts the queue down when the loop is stopping and nothing is left to do.
  void MaybeShutDown();
  bool IsShutDown();

  const std::string name_;
  const env::Clock* const clock_;
  std::unique_ptr<grpc::ServerBuilder> builder_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::thread thread_;

  // Told apart so that a busy loop is not woken: see the story in event_loop.cc.
  std::atomic<bool> polling_{false};
  std::atomic<bool> has_posted_{false};
  // Set under the mutex, with the operations that it cancels.
  std::atomic<bool> stopping_{false};

  Mutex mutex_;
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  bool wake_armed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Task> posted_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<void>> kept_ ABSL_GUARDED_BY(mutex_);
  Operation* first_operation_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::unique_ptr<grpc::Alarm> wake_alarm_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<WakeCompletion> wake_completion_;

  // Loop thread only.
  std::vector<Task> running_;
  std::set<Timer> timers_;
  uint64_t next_timer_order_ = 0;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_EVENT_LOOP_H_
