#include "common/env/thread_scheduler.h"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <thread>

#include "common/base/check.h"
#include "common/base/mutex.h"

namespace flotilla::env {

class ThreadScheduler::StageThread final : public Waker {
 public:
  StageThread(const Clock* clock, Stage* stage) : clock_(clock), stage_(stage) {}

  void Start() {
    thread_ = std::thread([this] { Run(); });
  }

  void Wake() override {
    {
      MutexLock lock(mutex_);
      if (woken_) return;
      woken_ = true;
    }
    condition_.NotifyOne();
  }

  void RequestStop() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    condition_.NotifyOne();
  }

  void Join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Run() {
    const std::string name(stage_->name().substr(0, 15));
    pthread_setname_np(pthread_self(), name.c_str());
    while (true) {
      {
        MutexLock lock(mutex_);
        if (stopping_) return;
        // Taken before RunOnce: what is pushed while it runs wakes the stage again.
        woken_ = false;
      }
      if (stage_->RunOnce()) continue;
      WaitForWork();
      // Whoever woke the stage is often about to push more. On a busy machine it gets the time to
      // do so, and one run does what would have been several; on an idle one this returns at once.
      std::this_thread::yield();
    }
  }

  void WaitForWork() {
    const std::optional<Instant> deadline = stage_->next_deadline();
    MutexLock lock(mutex_);
    while (!woken_ && !stopping_) {
      if (!deadline) {
        condition_.Wait(mutex_);
        continue;
      }
      const Instant now = clock_->Now();
      if (now >= *deadline) return;
      condition_.WaitFor(mutex_, *deadline - now);
    }
  }

  const Clock* const clock_;
  Stage* const stage_;
  std::thread thread_;
  Mutex mutex_;
  CondVar condition_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

ThreadScheduler::ThreadScheduler(const Clock* clock) : clock_(clock) {}

ThreadScheduler::~ThreadScheduler() { Stop(); }

Waker* ThreadScheduler::Add(Stage* stage) {
  CHECK(!started_) << "stage " << stage->name() << " added after Start";
  threads_.push_back(std::make_unique<StageThread>(clock_, stage));
  return threads_.back().get();
}

void ThreadScheduler::Start() {
  CHECK(!started_);
  started_ = true;
  for (auto& thread : threads_) thread->Start();
}

void ThreadScheduler::Stop() {
  for (auto& thread : threads_) thread->RequestStop();
  for (auto& thread : threads_) thread->Join();
}

}  // namespace flotilla::env
