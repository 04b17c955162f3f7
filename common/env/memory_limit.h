// How much memory this process may use: what the machine has, or less where a control group says
// so.
#ifndef FLOTILLA_COMMON_ENV_MEMORY_LIMIT_H_
#define FLOTILLA_COMMON_ENV_MEMORY_LIMIT_H_

#include <cstdint>
#include <string>

namespace flotilla::env {

// The least of the machine's memory (proc/meminfo) and of the limits of the control groups that the
// process is in (proc/self/cgroup, both versions). 0 when none can be read. `root` is "/" but in
// tests.
uint64_t MemoryLimitBytes(const std::string& root = "/");

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_MEMORY_LIMIT_H_
