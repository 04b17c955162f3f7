// What a running process has used, as the kernel counts it.
#ifndef FLOTILLA_TESTS_CLUSTER_PROCESS_USAGE_H_
#define FLOTILLA_TESTS_CLUSTER_PROCESS_USAGE_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace flotilla::cluster_test {

// Whether SIGSTOP has reached every thread: until then some of them go on.
bool IsStopped(int pid);
// User and system time so far. Zero when there is no such process.
std::chrono::milliseconds CpuTimeOf(int pid);
// Resident memory now, and the most that it ever was. Zero when there is no such process.
uint64_t ResidentBytesOf(int pid);
uint64_t PeakResidentBytesOf(int pid);
// All regular files below `path`.
uint64_t DirectoryBytes(const std::string& path);

}  // namespace flotilla::cluster_test

#endif  // FLOTILLA_TESTS_CLUSTER_PROCESS_USAGE_H_
