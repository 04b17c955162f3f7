// A disk that fails or is full under the data engine: the process stops, loudly, and what was
// flushed before is there at the next start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/engine/rocks_kv_engine.h"
#include "common/engine/rocks_options.h"
#include "common/env/clock.h"
#include "common/env/posix_file_system.h"
#include "tests/common/engine/failing_env.h"

namespace flotilla::engine {
namespace {

constexpr int kKeys = 200;

struct Fault {
  std::string name;
  FileOperation operation;
  std::string file;
  FileFault fault;
};

class RocksKvFaultTest : public ::testing::Test {
 protected:
  explicit RocksKvFaultTest(const std::string& name = "soft")
      : root_(::testing::TempDir() + "rocks_kv_fault_test_" + name) {}
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    CHECK_OK(files_.RemoveAll(root_));
    CHECK_OK(files_.CreateDir(root_));
  }
  void TearDown() override { CHECK_OK(files_.RemoveAll(root_)); }

  std::unique_ptr<RocksKvEngine> Open(rocksdb::Env* env, metrics::Registry* metrics = nullptr) {
    RocksKvOptions options;
    options.memtable_bytes = 1 * kMiB;
    options.env = env;
    options.metrics = metrics;
    return RocksKvEngine::Open(root_ + "/db", options).value();
  }
  // In all column families, as an apply worker does it.
  static void WriteAll(KvEngine& engine, const std::string& value) {
    for (int i = 0; i < kKeys; ++i) {
      const auto batch = engine.NewBatch();
      const std::string key = absl::StrFormat("%04d", i);
      batch->Put(ColumnFamily::kDefault, key, value + std::string(1000, 'v'));
      batch->Put(ColumnFamily::kMeta, key, value);
      CHECK_OK(engine.Write(*batch)) << "applied entries could not be written; stopping";
    }
  }
  static std::string ValueOf(const KvEngine& engine, int i) {
    const std::string key = absl::StrFormat("%04d", i);
    const auto value = engine.Get(ColumnFamily::kMeta, key);
    const auto data = engine.Get(ColumnFamily::kDefault, key);
    EXPECT_TRUE(value.ok() && data.ok()) << value.status() << data.status();
    EXPECT_EQ(**data, **value + std::string(1000, 'v')) << key;
    return **value;
  }

  const std::string root_;
  env::PosixFileSystem files_;
};

// RocksDB tries again by itself: nothing was lost, the tables that were to be merged are there.
TEST_F(RocksKvFaultTest, AMergeWithoutSpaceIsTriedAgain) {
  const env::SystemClock clock;
  FailingEnv disk;
  metrics::Registry metrics;
  const metrics::Counter& merged =
      metrics.AddCounter("flotilla_engine_table_written_bytes_total",
                         "Bytes of tables that flushes and compactions wrote",
                         {{"engine", "data"}, {"by", "compaction"}});
  const auto engine = Open(disk.env(), &metrics);
  disk.Fail(FileOperation::kMerge, ".sst", FileFault::kNoSpace);
  env::Instant deadline = clock.Now() + std::chrono::minutes(1);
  for (int i = 0; disk.failures() == 0; ++i) {
    ASSERT_LT(clock.Now(), deadline) << "no merge was tried";
    WriteAll(*engine, std::to_string(i));
    CHECK_OK(engine->Flush());
  }
  // Reads, writes and flushes go on.
  WriteAll(*engine, "full");
  CHECK_OK(engine->Flush());
  for (int i = 0; i < kKeys; ++i) ASSERT_EQ(ValueOf(*engine, i), "full");
  EXPECT_EQ(merged.Value(), 0);

  disk.Heal();
  deadline = clock.Now() + std::chrono::minutes(1);
  while (merged.Value() == 0) {
    ASSERT_LT(clock.Now(), deadline) << "no merge was tried again";
    WriteAll(*engine, "healed");
    CHECK_OK(engine->Flush());
  }
  for (int i = 0; i < kKeys; ++i) ASSERT_EQ(ValueOf(*engine, i), "healed");
}

class RocksKvFaultDeathTest : public RocksKvFaultTest, public ::testing::WithParamInterface<Fault> {
 protected:
  RocksKvFaultDeathTest() : RocksKvFaultTest(GetParam().name) {}
};

TEST_P(RocksKvFaultDeathTest, StopsTheProcessAndLosesNothingFlushed) {
  EXPECT_DEATH(
      {
        FailingEnv disk;
        const auto engine = Open(disk.env());
        WriteAll(*engine, "flushed");
        CHECK_OK(engine->Flush());
        disk.Fail(GetParam().operation, GetParam().file, GetParam().fault);
        WriteAll(*engine, "later");
        (void)engine->Flush();
      },
      "stopping");
  const auto engine = Open(nullptr);
  for (int i = 0; i < kKeys; ++i)
    ASSERT_THAT(ValueOf(*engine, i), testing::AnyOf("flushed", "later"));
  WriteAll(*engine, "again");
  CHECK_OK(engine->Flush());
  EXPECT_EQ(ValueOf(*engine, 0), "again");
}

INSTANTIATE_TEST_SUITE_P(
    Faults, RocksKvFaultDeathTest,
    ::testing::Values(
        Fault{"CreateATable", FileOperation::kCreate, ".sst", FileFault::kIoError},
        Fault{"WriteOfATable", FileOperation::kAppend, ".sst", FileFault::kIoError},
        Fault{"SyncOfATable", FileOperation::kSync, ".sst", FileFault::kIoError},
        Fault{"FullAtATable", FileOperation::kAppend, ".sst", FileFault::kNoSpace},
        Fault{"WriteOfTheManifest", FileOperation::kAppend, "MANIFEST", FileFault::kIoError},
        Fault{"SyncOfTheManifest", FileOperation::kSync, "MANIFEST", FileFault::kIoError},
        Fault{"FullAtTheManifest", FileOperation::kAppend, "MANIFEST", FileFault::kNoSpace},
        Fault{"SyncOfTheDirectory", FileOperation::kSyncDirectory, "/db", FileFault::kIoError}),
    [](const auto& fault) { return fault.param.name; });

}  // namespace
}  // namespace flotilla::engine
