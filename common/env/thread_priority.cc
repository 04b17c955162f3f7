#include "common/env/thread_priority.h"

#include <sys/resource.h>
#include <unistd.h>

namespace flotilla::env {

bool SetThreadNice(int nice) {
  // To Linux a thread's id is a process's; POSIX would mean all threads.
  return setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice) == 0;
}

}  // namespace flotilla::env
