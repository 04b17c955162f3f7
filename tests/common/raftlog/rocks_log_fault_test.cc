// A disk that fails or is full under the log engine: the process stops, loudly, and what was
// acknowledged before is there at the next start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/base/check.h"
#include "common/env/posix_file_system.h"
#include "common/raftlog/rocks_log_engine.h"
#include "tests/common/engine/failing_env.h"
#include "tests/common/raftlog/log_engine_under_test.h"

namespace flotilla::raftlog {
namespace {

using engine::FailingEnv;
using engine::FileFault;
using engine::FileOperation;

constexpr RegionId kOne{1};
constexpr uint64_t kBefore = 50;

struct Fault {
  std::string name;
  FileOperation operation;
  std::string file;
  FileFault fault;
};

class RocksLogFaultDeathTest : public ::testing::TestWithParam<Fault> {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    CHECK_OK(files_.RemoveAll(root_));
    CHECK_OK(files_.CreateDir(root_));
  }
  void TearDown() override { CHECK_OK(files_.RemoveAll(root_)); }

  std::unique_ptr<RocksLogEngine> Open(rocksdb::Env* env) {
    RocksLogOptions options;
    options.memtable_bytes = 256 * kKiB;
    options.env = env;
    return RocksLogEngine::Open(root_ + "/db", options).value();
  }
  // As the log writer does it: an entry is acknowledged by Write alone.
  static void WriteEntry(LogEngine& engine, uint64_t index) {
    LogBatch batch;
    LogChange& change = batch.changes.emplace_back();
    change.region_id = kOne;
    change.entries = {MakeEntry(1, index, std::string(4000, 'v'))};
    CHECK_OK(engine.Write(batch)) << "the Raft log could not be written; stopping";
  }

  const std::string root_ =
      ::testing::TempDir() + "rocks_log_fault_test_" +
      std::string(::testing::UnitTest::GetInstance()->current_test_info()->value_param() == nullptr
                      ? ""
                      : GetParam().name);
  env::PosixFileSystem files_;
};

TEST_P(RocksLogFaultDeathTest, StopsTheProcessAndLosesNothingAcknowledged) {
  EXPECT_DEATH(
      {
        FailingEnv disk;
        const auto engine = Open(disk.env());
        for (uint64_t index = 1; index <= kBefore; ++index) WriteEntry(*engine, index);
        disk.Fail(GetParam().operation, GetParam().file, GetParam().fault);
        // Enough for several memtables.
        for (uint64_t index = kBefore + 1; index <= 40 * kBefore; ++index) {
          WriteEntry(*engine, index);
        }
        (void)engine->Compact();
      },
      "stopping");
  const auto engine = Open(nullptr);
  const auto state = engine->Load(kOne);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_GE(state->last.index, Index(kBefore));
  EXPECT_EQ(engine->Entries(kOne, Index(1), state->last.index + 1, UINT64_MAX)->size(),
            state->last.index.value());
  WriteEntry(*engine, state->last.index.value() + 1);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, RocksLogFaultDeathTest,
    ::testing::Values(
        Fault{"SyncOfTheLog", FileOperation::kSync, ".log", FileFault::kIoError},
        Fault{"WriteOfTheLog", FileOperation::kAppend, ".log", FileFault::kIoError},
        Fault{"FullAtTheLog", FileOperation::kAppend, ".log", FileFault::kNoSpace},
        Fault{"FullAtANewLog", FileOperation::kCreate, ".log", FileFault::kNoSpace},
        Fault{"WriteOfATable", FileOperation::kAppend, ".sst", FileFault::kIoError},
        Fault{"SyncOfATable", FileOperation::kSync, ".sst", FileFault::kIoError},
        Fault{"FullAtATable", FileOperation::kAppend, ".sst", FileFault::kNoSpace},
        Fault{"WriteOfTheManifest", FileOperation::kAppend, "MANIFEST", FileFault::kIoError},
        Fault{"SyncOfTheManifest", FileOperation::kSync, "MANIFEST", FileFault::kIoError},
        Fault{"FullAtTheManifest", FileOperation::kAppend, "MANIFEST", FileFault::kNoSpace},
        Fault{"SyncOfTheDirectory", FileOperation::kSyncDirectory, "/db", FileFault::kIoError}),
    [](const auto& fault) { return fault.param.name; });

}  // namespace
}  // namespace flotilla::raftlog
