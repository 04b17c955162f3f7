// A thread that lives in a network of its own: what it starts, processes and threads, lives there
// too. The network has no name, and goes with the last that lives in it.
//
// Run may be called by any thread, one at a time.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_NAMESPACE_THREAD_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_NAMESPACE_THREAD_H_

#include <functional>
#include <thread>

#include "common/base/mutex.h"

namespace flotilla::chaos {

// Moves this process, as long as it has one thread, to a network and a table of mounts of its own.
// False: that is not allowed; errno says why.
bool LeaveSharedNamespaces();

class NamespaceThread {
 public:
  NamespaceThread();
  ~NamespaceThread();
  NamespaceThread(const NamespaceThread&) = delete;
  NamespaceThread& operator=(const NamespaceThread&) = delete;

  // Returns when the thread has done it.
  void Run(const std::function<void()>& work);
  // Of the thread, by which others find its network.
  int id() const { return id_; }

 private:
  void Live();

  Mutex mutex_;
  CondVar changed_;
  const std::function<void()>* work_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  int id_ = 0;
  std::thread thread_;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_NAMESPACE_THREAD_H_
