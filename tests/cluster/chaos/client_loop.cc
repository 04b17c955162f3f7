#include "tests/cluster/chaos/client_loop.h"

#include <utility>

namespace flotilla::chaos {

ClientLoop::~ClientLoop() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void ClientLoop::Post(Work work) {
  MutexLock lock(mutex_);
  ready_.push_back(std::move(work));
  changed_.NotifyAll();
}

void ClientLoop::PostAt(env::Instant at, Work work) {
  MutexLock lock(mutex_);
  later_.emplace(at, std::move(work));
  changed_.NotifyAll();
}

void ClientLoop::Do(Work work) {
  Mutex mutex;
  CondVar done_changed;
  bool done = false;
  Post([&, work = std::move(work)]() mutable {
    std::move(work)();
    MutexLock lock(mutex);
    done = true;
    done_changed.NotifyAll();
  });
  MutexLock lock(mutex);
  while (!done) done_changed.Wait(mutex);
}

void ClientLoop::Live() {
  while (true) {
    Work work;
    {
      MutexLock lock(mutex_);
      while (!ending_ && ready_.empty()) {
        if (later_.empty()) {
          changed_.Wait(mutex_);
          continue;
        }
        const env::Duration wait = later_.begin()->first - clock_.Now();
        if (wait > env::Duration::zero()) {
          changed_.WaitFor(mutex_, wait);
          continue;
        }
        ready_.push_back(std::move(later_.begin()->second));
        later_.erase(later_.begin());
      }
      if (ending_) return;
      work = std::move(ready_.front());
      ready_.pop_front();
    }
    std::move(work)();
  }
}

}  // namespace flotilla::chaos
