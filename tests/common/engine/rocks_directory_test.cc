// A database whose directory had no durable name vanished with the power: PD came back without its
// log and began another cluster.
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/engine/rocks_kv_engine.h"
#include "common/engine/rocks_options.h"
#include "common/raftlog/rocks_log_engine.h"

namespace flotilla::engine {
namespace {

class RecordedDirectory final : public rocksdb::Directory {
 public:
  RecordedDirectory(std::string name, std::vector<std::string>* synced)
      : name_(std::move(name)), synced_(synced) {}
  rocksdb::Status Fsync() override {
    synced_->push_back(name_);
    return rocksdb::Status::OK();
  }

 private:
  const std::string name_;
  std::vector<std::string>* const synced_;
};

// Remembers which directories were synced.
class RecordingEnv final : public rocksdb::EnvWrapper {
 public:
  RecordingEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  rocksdb::Status NewDirectory(const std::string& name,
                               std::unique_ptr<rocksdb::Directory>* result) override {
    *result = std::make_unique<RecordedDirectory>(
        std::filesystem::path(name).lexically_normal().string(), &synced_);
    return rocksdb::Status::OK();
  }
  bool HasSynced(const std::string& name) const {
    for (const std::string& synced : synced_) {
      if (synced == name || synced == name + "/") return true;
    }
    return false;
  }

 private:
  std::vector<std::string> synced_;
};

class RocksDirectoryTest : public ::testing::Test {
 protected:
  RocksDirectoryTest() {
    std::filesystem::remove_all(parent_);
    std::filesystem::create_directories(parent_);
  }
  ~RocksDirectoryTest() override { std::filesystem::remove_all(parent_); }

  const std::string parent_ = ::testing::TempDir() + "flotilla_rocks_directory";
  RecordingEnv env_;
};

TEST_F(RocksDirectoryTest, TheDataEnginesDirectoryOutlivesALossOfPower) {
  RocksKvOptions options;
  options.env = &env_;
  ASSERT_TRUE(RocksKvEngine::Open(parent_ + "/data", options).ok());
  EXPECT_TRUE(env_.HasSynced(parent_));
}

TEST_F(RocksDirectoryTest, TheLogEnginesDirectoryOutlivesALossOfPower) {
  raftlog::RocksLogOptions options;
  options.env = &env_;
  ASSERT_TRUE(raftlog::RocksLogEngine::Open(parent_ + "/log", options).ok());
  EXPECT_TRUE(env_.HasSynced(parent_));
}

}  // namespace
}  // namespace flotilla::engine
