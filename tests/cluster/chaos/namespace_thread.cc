#include "tests/cluster/chaos/namespace_thread.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/base/check.h"

namespace flotilla::chaos {

bool LeaveSharedNamespaces() {
  return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
         mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

NamespaceThread::NamespaceThread() : thread_([this] { Live(); }) {
  // The first piece of work is the arrival.
  Run([this] {
    CHECK(unshare(CLONE_NEWNET) == 0) << "this process could make a network of its own before";
    id_ = gettid();
  });
}

NamespaceThread::~NamespaceThread() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void NamespaceThread::Run(const std::function<void()>& work) {
  MutexLock lock(mutex_);
  work_ = &work;
  changed_.NotifyAll();
  while (work_ != nullptr) changed_.Wait(mutex_);
}

void NamespaceThread::Live() {
  MutexLock lock(mutex_);
  while (true) {
    while (work_ == nullptr && !ending_) changed_.Wait(mutex_);
    if (work_ == nullptr) return;
    (*work_)();
    work_ = nullptr;
    changed_.NotifyAll();
  }
}

}  // namespace flotilla::chaos
