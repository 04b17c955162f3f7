// One thread on which everything happens that clients remember: answers come from the threads of
// many clients and are posted here, in the order in which they came.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_CLIENT_LOOP_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_CLIENT_LOOP_H_

#include <deque>
#include <map>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"

namespace flotilla::chaos {

class ClientLoop {
 public:
  using Work = absl::AnyInvocable<void() &&>;

  ClientLoop() : thread_([this] { Live(); }) {}
  // Work that is left is dropped.
  ~ClientLoop();
  ClientLoop(const ClientLoop&) = delete;
  ClientLoop& operator=(const ClientLoop&) = delete;

  // Any thread.
  void Post(Work work);
  void PostAt(env::Instant at, Work work);
  // Any thread but the loop's: returns when it was done.
  void Do(Work work);

 private:
  void Live();

  const env::SystemClock clock_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Work> ready_ ABSL_GUARDED_BY(mutex_);
  std::multimap<env::Instant, Work> later_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_CLIENT_LOOP_H_
