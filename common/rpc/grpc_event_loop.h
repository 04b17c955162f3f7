// The event loop of production: one gRPC completion queue, polled by one thread. Everything that
// this process sends and receives by RPC goes through it, servers and clients alike (docs/rpc.md
// says why one).
//
// Thread-safe. Handlers and callbacks run on the loop thread and must not block it.
#ifndef FLOTILLA_COMMON_RPC_GRPC_EVENT_LOOP_H_
#define FLOTILLA_COMMON_RPC_GRPC_EVENT_LOOP_H_

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/rpc/event_loop.h"

namespace grpc {
class Alarm;
class ServerBuilder;
class ServerCompletionQueue;
}  // namespace grpc

namespace flotilla::rpc {

class GrpcEventLoop final : public EventLoop {
 public:
  // A server's loop goes before the threads that do the work where cores are scarce: under too much
  // load it must still refuse what is too much, and hand on what Raft and PD say. It takes effect
  // where the system permits it, and changes nothing where every thread has a core.
  enum class Priority { kNormal, kBeforeWorkers };

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
  GrpcEventLoop(std::string name, const env::Clock* clock, Priority priority = Priority::kNormal);
  // Stops first.
  ~GrpcEventLoop() override;
  GrpcEventLoop(const GrpcEventLoop&) = delete;
  GrpcEventLoop& operator=(const GrpcEventLoop&) = delete;

  // Call once.
  void Start();
  // Cancels the clients' operations, runs the timers that still wait at once, and returns when all
  // have ended. Idempotent. REQUIRES: servers on this loop are shut down; not on the loop thread.
  void Stop();

  void Post(Task task) override;
  void RunAfter(env::Duration delay, Task task) override;
  bool stopping() const override { return stopping_.load(); }
  const env::Clock& clock() const override { return *clock_; }
  void CallUnary(const std::shared_ptr<Channel>& channel, std::string_view method,
                 const Message& request, std::unique_ptr<Message> response,
                 const CallOptions& options, UnaryDone done) override;
  std::shared_ptr<StreamControl> OpenStream(const std::shared_ptr<Channel>& channel,
                                            std::string_view method,
                                            std::shared_ptr<ClientStreamHandler> handler) override;

  bool InLoopThread() const { return std::this_thread::get_id() == thread_.get_id(); }

  // --- For the adapters in this folder ----------------------------------------------------------
  // Runs `task` before the loop waits the next time, or after kMostEventsFirst events: when what is
  // here already was looked at. Loop thread only.
  void RunBeforeWaiting(Task task) { pause_.tasks.push_back(std::move(task)); }
  // Requests are being refused: what comes next is left to gather for kGatherTime. Each look at the
  // network costs about as much as a refusal does, and the more it finds the less it costs. Loop
  // thread only.
  void Gather() { pause_.gathers = true; }
  // False when the loop is stopping: the operation must not begin.
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

  // So many events may come before those who wait for a pause. A few tens of microseconds each.
  static constexpr int kMostEventsFirst = 64;
  // Much less than what a request takes while others are refused (admission.write-delay).
  static constexpr std::chrono::milliseconds kGatherTime = std::chrono::milliseconds(3);

  void TakePriority();
  void Run();
  void RunPosted();
  void RunDueTimers();
  void Pause();
  // Shuts the queue down when the loop is stopping and nothing is left to do.
  void MaybeShutDown();
  bool IsShutDown();

  const std::string name_;
  const env::Clock* const clock_;
  const Priority priority_;
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
  // What happens before the loop waits the next time.
  struct {
    std::vector<Task> tasks;
    bool gathers = false;
    bool empty() const { return tasks.empty() && !gathers; }
  } pause_;
  struct {
    std::set<Timer> waiting;
    uint64_t next_order = 0;
  } timers_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_GRPC_EVENT_LOOP_H_
