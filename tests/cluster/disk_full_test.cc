// Disks that somebody else fills to the last byte, under real processes: writes that add data are
// refused with the reason, reads and deletions go on, no store is in a crash loop, nothing that was
// acknowledged is lost, and all is well again when there is space.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/cluster/await.h"
#include "tests/cluster/process_cluster.h"
#include "tests/cluster/tiny_disk.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr int kDiskMebibytes = 96;

class DiskFullTest : public ::testing::Test {
 protected:
  // Three stores with data; those of `numbers` are on tiny disks from then on.
  void Start(const std::vector<int>& numbers) {
    const CommandResult up = cluster_.Up(Flags());
    ASSERT_EQ(up.code, 0) << up.output;
    ASSERT_EQ(cluster_.Run({"kv", "put", "kept", "before"}).code, 0);
    ASSERT_EQ(cluster_.Run({"kv", "put", "doomed", "before"}).code, 0);
    const CommandResult down = cluster_.Down();
    ASSERT_EQ(down.code, 0) << down.output;
    for (const int number : numbers) {
      disks_.push_back(std::make_unique<TinyDisk>(
          cluster_.directory() + "/store-" + std::to_string(number), kDiskMebibytes));
    }
    const CommandResult again = cluster_.Up(Flags());
    ASSERT_EQ(again.code, 0) << again.output;
    ASSERT_TRUE(cluster_.AwaitHealthy(seconds(30)));
  }
  void TearDown() override {
    cluster_.Down();
    disks_.clear();
  }
  static std::vector<std::string> Flags() {
    return {"--stores", "3", "--store-flag=--storage.reserve=32MiB",
            "--store-flag=--storage.memtable=2MiB", "--store-flag=--storage.log-memtable=1MiB"};
  }
  void FillAll() {
    for (const auto& disk : disks_) disk->Fill();
  }
  // A store that wanted to write just then has stopped itself; started again it must stay.
  void StartWhatStopped() {
    const CommandResult up = cluster_.Up(Flags());
    ASSERT_TRUE(up.code == 0 || up.output.find("is running") != std::string::npos) << up.output;
  }
  CommandResult Put(const std::string& key) {
    return cluster_.Run({"kv", "put", key, "after", "--timeout", "2"});
  }
  size_t FullStores() {
    const cli::Json listed = cluster_.RunJson({"store", "list"});
    const cli::Json* const stores = listed.Find("stores");
    size_t full = 0;
    if (stores == nullptr) return full;
    for (const cli::Json& store : stores->array()) {
      const cli::Json* const disk_full = store.Find("disk_full");
      full += disk_full != nullptr && disk_full->boolean() ? 1 : 0;
    }
    return full;
  }
  void ExpectReadsAndDeletions() {
    EXPECT_THAT(cluster_.Run({"kv", "get", "kept"}).output, HasSubstr("before"));
    const CommandResult erased = cluster_.Run({"kv", "delete", "doomed"});
    EXPECT_EQ(erased.code, 0) << erased.output;
  }
  void ExpectAllIsWellAfterFree() {
    for (const auto& disk : disks_) disk->Free();
    EXPECT_TRUE(Await(seconds(30), [this] { return Put("late").code == 0; }));
    EXPECT_TRUE(cluster_.AwaitHealthy(seconds(60)));
    EXPECT_THAT(cluster_.Run({"kv", "get", "kept"}).output, HasSubstr("before"));
    for (int number = 1; number <= 3; ++number) {
      EXPECT_TRUE(cluster_.IsRunning("store-" + std::to_string(number))) << number;
    }
  }

  ProcessCluster cluster_{"disk_full"};
  std::vector<std::unique_ptr<TinyDisk>> disks_;
};

TEST_F(DiskFullTest, AllStores) {
  Start({1, 2, 3});
  FillAll();
  CommandResult refused;
  ASSERT_TRUE(Await(seconds(60), [&] {
    StartWhatStopped();
    refused = Put("any");
    return refused.output.find("disk_full: store ") != std::string::npos;
  })) << refused.output;
  EXPECT_EQ(refused.code, 4);
  ExpectReadsAndDeletions();
  EXPECT_TRUE(Await(seconds(30), [this] { return FullStores() == 3; }));
  EXPECT_THAT(cluster_.Run({"status"}).output, HasSubstr("is full: writes that add data"));
  EXPECT_EQ(Put("refused").code, 4);
  EXPECT_EQ(cluster_.Run({"kv", "get", "refused"}).code, 3);
  ExpectAllIsWellAfterFree();
}

TEST_F(DiskFullTest, OneStore) {
  Start({2});
  FillAll();
  ASSERT_TRUE(Await(seconds(60), [&] {
    StartWhatStopped();
    return FullStores() == 1;
  }));
  const int pid = cluster_.PidOf("store-2");
  // It is refused if that store leads; otherwise the other two take it.
  const CommandResult put = Put("late");
  EXPECT_TRUE(put.code == 0 || put.output.find("disk_full") != std::string::npos) << put.output;
  ExpectReadsAndDeletions();
  EXPECT_EQ(cluster_.PidOf("store-2"), pid);
  EXPECT_TRUE(cluster_.IsRunning("store-2"));
  ExpectAllIsWellAfterFree();
}

}  // namespace
}  // namespace flotilla::cluster_test
