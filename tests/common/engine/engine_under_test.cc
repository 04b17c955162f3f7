#include "tests/common/engine/engine_under_test.h"

#include <gtest/gtest.h>

#include "common/base/check.h"
#include "common/engine/memory_kv_engine.h"
#include "common/engine/rocks_kv_engine.h"
#include "common/engine/rocks_options.h"
#include "common/env/memory_file_system.h"
#include "common/env/posix_file_system.h"

namespace flotilla::engine {
namespace {

class MemoryEngineUnderTest final : public EngineUnderTest {
 public:
  MemoryEngineUnderTest() : engine_(&files_) { CHECK_OK(files_.CreateDir(dir_)); }
  KvEngine& engine() override { return engine_; }
  env::FileSystem& files() override { return files_; }
  const std::string& dir() const override { return dir_; }
  void Crash() override { engine_.Crash(); }

 private:
  const std::string dir_ = "files";
  env::MemoryFileSystem files_;
  MemoryKvEngine engine_;
};

class RocksEngineUnderTest final : public EngineUnderTest {
 public:
  explicit RocksEngineUnderTest(const std::string& name)
      : root_(::testing::TempDir() + "kv_engine_test_" + name), dir_(root_ + "/files") {
    CHECK_OK(files_.RemoveAll(root_));
    CHECK_OK(files_.CreateDir(dir_));
    Open();
  }
  ~RocksEngineUnderTest() override {
    engine_.reset();
    CHECK_OK(files_.RemoveAll(root_));
  }
  KvEngine& engine() override { return *engine_; }
  env::FileSystem& files() override { return files_; }
  const std::string& dir() const override { return dir_; }
  // Closing does not flush, so that it leaves what a crash leaves.
  void Crash() override {
    engine_.reset();
    Open();
  }

 private:
  void Open() {
    auto engine = RocksKvEngine::Open(root_ + "/db", RocksKvOptions{});
    CHECK_OK(engine.status());
    engine_ = *std::move(engine);
  }

  const std::string root_;
  const std::string dir_;
  env::PosixFileSystem files_;
  std::unique_ptr<RocksKvEngine> engine_;
};

}  // namespace

std::unique_ptr<EngineUnderTest> NewMemoryEngineUnderTest() {
  return std::make_unique<MemoryEngineUnderTest>();
}

std::unique_ptr<EngineUnderTest> NewRocksEngineUnderTest(const std::string& name) {
  return std::make_unique<RocksEngineUnderTest>(name);
}

}  // namespace flotilla::engine
