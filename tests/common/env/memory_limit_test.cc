#include "common/env/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace flotilla::env {
namespace {

class MemoryLimitTest : public ::testing::Test {
 protected:
  MemoryLimitTest() { std::filesystem::remove_all(root_); }
  ~MemoryLimitTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  const std::string root_ = ::testing::TempDir() + "/memory_limit_test/";
};

TEST_F(MemoryLimitTest, WhereNothingCanBeReadNothingIsKnown) {
  EXPECT_EQ(MemoryLimitBytes(root_), 0u);
}

TEST_F(MemoryLimitTest, TheMachinesMemoryIsTheLimit) {
  Write("proc/meminfo", "MemTotal:       1000 kB\nMemFree:   10 kB\n");
  EXPECT_EQ(MemoryLimitBytes(root_), 1'024'000u);
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(MemoryLimitBytes(root_), 1'024'000u);
}

TEST_F(MemoryLimitTest, AControlGroupAndThoseAroundItMayHaveLess) {
  Write("proc/meminfo", "MemTotal: 1000 kB\n");
  Write("proc/self/cgroup", "0::/a/b\n");
  Write("sys/fs/cgroup/a/b/memory.max", "max\n");
  Write("sys/fs/cgroup/a/memory.max", "5000\n");
  EXPECT_EQ(MemoryLimitBytes(root_), 5000u);
  Write("sys/fs/cgroup/a/b/memory.max", "4000\n");
  EXPECT_EQ(MemoryLimitBytes(root_), 4000u);
}

TEST_F(MemoryLimitTest, TheFirstVersionOfControlGroupsToo) {
  Write("proc/meminfo", "MemTotal: 1000 kB\n");
  Write("proc/self/cgroup", "7:cpu,cpuacct:/x\n5:memory:/docker/1\n0::/docker/1\n");
  // The path is the host's: only the container's own group is to be seen.
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "3000\n");
  EXPECT_EQ(MemoryLimitBytes(root_), 3000u);
  // Its way to say that there is none.
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(MemoryLimitBytes(root_), 1'024'000u);
}

}  // namespace
}  // namespace flotilla::env
