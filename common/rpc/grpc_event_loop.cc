// The loop thread: take a completion, run it, run what was posted, run the timers that are due;
// and when there is nothing left to take, run what waits for that.
//
// How a post wakes the loop without waking it too often:
//   1. The loop announces `polling_`, then looks at `has_posted_` once more, then polls.
//   2. A post sets `has_posted_`, then looks at `polling_`.
//   3. Both are sequentially consistent, so at least one of the two sees the other: either the loop
//      runs the task before it polls, or the post arms the alarm that ends the poll.
// A loop that is busy is therefore woken by nobody and finds the tasks after its present event.

#include "common/rpc/grpc_event_loop.h"

#include <grpcpp/alarm.h>
#include <grpcpp/server_builder.h>
#include <poll.h>
#include <pthread.h>

#include <optional>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/env/thread_priority.h"
#include "common/rpc/completion.h"

namespace flotilla::rpc {
namespace {

// Three times the share of a thread at 0.
constexpr int kNice = -5;

}  // namespace

class GrpcEventLoop::WakeCompletion final : public Completion {
 public:
  explicit WakeCompletion(GrpcEventLoop* loop) : loop_(loop) {}
  void OnCompletion(bool /*ok*/) override {
    MutexLock lock(loop_->mutex_);
    loop_->wake_armed_ = false;
  }

 private:
  GrpcEventLoop* const loop_;
};

GrpcEventLoop::GrpcEventLoop(std::string name, const env::Clock* clock, Priority priority)
    : name_(std::move(name)),
      clock_(clock),
      priority_(priority),
      builder_(std::make_unique<grpc::ServerBuilder>()),
      queue_(builder_->AddCompletionQueue()),
      wake_alarm_(std::make_unique<grpc::Alarm>()),
      wake_completion_(std::make_unique<WakeCompletion>(this)) {
  CHECK(name_.size() <= 15);
}

GrpcEventLoop::~GrpcEventLoop() { Stop(); }

std::unique_ptr<grpc::ServerBuilder> GrpcEventLoop::TakeServerBuilder() {
  CHECK(builder_ != nullptr);
  return std::move(builder_);
}

void GrpcEventLoop::Start() {
  CHECK(!thread_.joinable());
  thread_ = std::thread([this] {
    TakePriority();
    Run();
  });
  pthread_setname_np(thread_.native_handle(), name_.c_str());
}

void GrpcEventLoop::Stop() {
  CHECK(!InLoopThread());
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (Operation* at = first_operation_; at != nullptr; at = at->next) at->Cancel();
  }
  if (thread_.joinable()) {
    Post([] {});
    thread_.join();
  } else if (!IsShutDown()) {
    // A loop that was never started still owes its queue a shutdown.
    Run();
  }
  std::vector<std::shared_ptr<void>> kept;
  MutexLock lock(mutex_);
  kept.swap(kept_);
}

bool GrpcEventLoop::IsShutDown() {
  MutexLock lock(mutex_);
  return shut_down_;
}

void GrpcEventLoop::KeepUntilStopped(std::shared_ptr<void> object) {
  MutexLock lock(mutex_);
  if (!shut_down_) kept_.push_back(std::move(object));
}

void GrpcEventLoop::Post(Task task) {
  MutexLock lock(mutex_);
  if (shut_down_) return;
  posted_.push_back(std::move(task));
  has_posted_.store(true);
  if (polling_.load() && !wake_armed_) {
    wake_armed_ = true;
    // In the past: an alarm set to "now" fires up to a millisecond late.
    wake_alarm_->Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), wake_completion_->HandOver());
  }
}

void GrpcEventLoop::RunAfter(env::Duration delay, Task task) {
  const env::Instant at = clock_->Now() + delay;
  Post([this, at, task = std::move(task)]() mutable {
    timers_.waiting.insert(Timer{at, timers_.next_order++, std::move(task)});
  });
}

bool GrpcEventLoop::Register(Operation* operation) {
  MutexLock lock(mutex_);
  if (stopping_) return false;
  operation->next = first_operation_;
  if (first_operation_ != nullptr) first_operation_->previous = operation;
  first_operation_ = operation;
  return true;
}

void GrpcEventLoop::Unregister(Operation* operation) {
  MutexLock lock(mutex_);
  if (operation->next != nullptr) operation->next->previous = operation->previous;
  if (operation->previous != nullptr) {
    operation->previous->next = operation->next;
  } else {
    CHECK(first_operation_ == operation);
    first_operation_ = operation->next;
  }
}

void GrpcEventLoop::RunPosted() {
  {
    MutexLock lock(mutex_);
    has_posted_.store(false);
    running_.swap(posted_);
  }
  for (Task& task : running_) std::move(task)();
  running_.clear();
}

void GrpcEventLoop::RunDueTimers() {
  const bool stopping = stopping_.load();
  const env::Instant now = clock_->Now();
  while (!timers_.waiting.empty() && (stopping || timers_.waiting.begin()->at <= now)) {
    Task task = std::move(timers_.waiting.begin()->task);
    timers_.waiting.erase(timers_.waiting.begin());
    std::move(task)();
  }
}

void GrpcEventLoop::Pause() {
  running_.swap(pause_.tasks);
  for (Task& task : running_) std::move(task)();
  running_.clear();
}

void GrpcEventLoop::MaybeShutDown() {
  if (!stopping_.load()) return;
  MutexLock lock(mutex_);
  if (shut_down_ || !posted_.empty() || !timers_.waiting.empty() || first_operation_ != nullptr)
    return;
  if (!pause_.tasks.empty()) return;
  shut_down_ = true;
  queue_->Shutdown();
}

void GrpcEventLoop::TakePriority() {
  if (priority_ == Priority::kNormal || env::SetThreadNice(kNice)) return;
  LOG_INFO(
      "thread {} has no precedence: that takes CAP_SYS_NICE, or an RLIMIT_NICE of {} (ulimit -e)",
      name_, 20 - kNice);
}

void GrpcEventLoop::Run() {
  int events_first = 0;
  while (true) {
    if (has_posted_.load()) RunPosted();
    if (!timers_.waiting.empty()) RunDueTimers();
    MaybeShutDown();

    gpr_timespec until = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (!timers_.waiting.empty()) {
      const env::Duration left = timers_.waiting.begin()->at - clock_->Now();
      until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                           gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
    }
    if (!pause_.empty()) {
      // Only what is here.
      until = gpr_inf_past(GPR_CLOCK_MONOTONIC);
      if (++events_first > kMostEventsFirst) {
        events_first = 0;
        Pause();
        continue;
      }
    }
    polling_.store(true);
    if (has_posted_.load()) {
      polling_.store(false);
      continue;
    }
    void* tag = nullptr;
    bool ok = false;
    const grpc::CompletionQueue::NextStatus next = queue_->AsyncNext(&tag, &ok, until);
    polling_.store(false);
    if (next == grpc::CompletionQueue::SHUTDOWN) return;
    if (next == grpc::CompletionQueue::GOT_EVENT) {
      Completion::Complete(tag, ok);
    } else {
      events_first = 0;
      Pause();
      if (std::exchange(pause_.gathers, false)) poll(nullptr, 0, kGatherTime.count());
    }
  }
}

}  // namespace flotilla::rpc
