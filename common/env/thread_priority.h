// Which of a process's threads the system should favour.
#ifndef FLOTILLA_COMMON_ENV_THREAD_PRIORITY_H_
#define FLOTILLA_COMMON_ENV_THREAD_PRIORITY_H_

namespace flotilla::env {

// Sets the calling thread's nice value; threads that it starts inherit it. False, and nothing
// changed, when the system does not permit it: below 0 that takes CAP_SYS_NICE or RLIMIT_NICE.
bool SetThreadNice(int nice);

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_THREAD_PRIORITY_H_
