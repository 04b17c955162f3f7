#include "client/cli/posix_processes.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "common/env/clock.h"

namespace flotilla::cli {
namespace {

char StateOf(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t name_end = text.rfind(") ");
  return name_end == text.npos ? ' ' : text[name_end + 2];
}

template <typename Condition>
bool Await(Condition condition) {
  const env::SystemClock clock;
  const env::Instant deadline = clock.Now() + std::chrono::seconds(20);
  while (!condition()) {
    if (clock.Now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// As after a kill -9 while threads hold the process's ports and files.
TEST(PosixProcessesTest, AProcessIsAliveUntilItsLastThreadHasEnded) {
  const int pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    std::thread([] { pause(); }).detach();
    syscall(SYS_exit, 0);  // Only the first thread.
  }
  EXPECT_TRUE(Await([&] { return StateOf(pid) == 'Z'; }));
  PosixProcesses processes;
  EXPECT_TRUE(processes.IsAlive(pid));
  processes.Signal(pid, SIGKILL);
  EXPECT_TRUE(Await([&] { return !processes.IsAlive(pid); }));
}

}  // namespace
}  // namespace flotilla::cli
