#include "common/env/thread_priority.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

namespace flotilla::env {
namespace {

int ThisThreadsNice() { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); }

TEST(ThreadPriorityTest, ChangesThisThreadAloneOrNothing) {
  const int before = ThisThreadsNice();
  for (const int wanted : {before + 1, -5}) {
    std::thread([&] {
      const bool is_set = SetThreadNice(wanted);
      // To yield is always permitted.
      EXPECT_TRUE(is_set || wanted < before);
      EXPECT_EQ(ThisThreadsNice(), is_set ? wanted : before);
    }).join();
    EXPECT_EQ(ThisThreadsNice(), before);
  }
}

}  // namespace
}  // namespace flotilla::env
