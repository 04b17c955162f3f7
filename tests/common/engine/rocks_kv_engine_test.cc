// What only the engine on RocksDB does.
#include "common/engine/rocks_kv_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/engine/rocks_options.h"
#include "common/env/posix_file_system.h"

namespace flotilla::engine {
namespace {

using ::testing::HasSubstr;

class RocksKvEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    CHECK_OK(files_.RemoveAll(root_));
    CHECK_OK(files_.CreateDir(root_));
  }
  void TearDown() override { CHECK_OK(files_.RemoveAll(root_)); }

  const std::string root_ = ::testing::TempDir() + "rocks_kv_engine_test";
  env::PosixFileSystem files_;
};

TEST_F(RocksKvEngineTest, ASecondOpenIsRefused) {
  const auto first = RocksKvEngine::Open(root_ + "/db", {});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = RocksKvEngine::Open(root_ + "/db", {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().ToString(), HasSubstr(root_));
}

TEST_F(RocksKvEngineTest, OpeningADamagedDatabaseIsAnError) {
  {
    const auto engine = RocksKvEngine::Open(root_ + "/db", {}).value();
    const auto batch = engine->NewBatch();
    batch->Put(ColumnFamily::kDefault, "k", "v");
    CHECK_OK(engine->Write(*batch));
    CHECK_OK(engine->Flush());
  }
  const std::vector<std::string> names = files_.List(root_ + "/db").value();
  for (const std::string& name : names) {
    if (name.starts_with("MANIFEST")) {
      CHECK_OK(env::WriteFileAtomically(files_, root_ + "/db/" + name, "nonsense"));
    }
  }
  EXPECT_FALSE(RocksKvEngine::Open(root_ + "/db", {}).ok());
}

TEST_F(RocksKvEngineTest, ADamagedBlockIsDataLossWhenItIsRead) {
  {
    const auto engine = RocksKvEngine::Open(root_ + "/db", {}).value();
    const auto batch = engine->NewBatch();
    for (int i = 0; i < 1000; ++i) {
      batch->Put(ColumnFamily::kDefault, "k" + std::to_string(i), std::string(100, 'v'));
    }
    CHECK_OK(engine->Write(*batch));
    CHECK_OK(engine->Flush());
  }
  const std::vector<std::string> names = files_.List(root_ + "/db").value();
  for (const std::string& name : names) {
    if (!name.ends_with(".sst")) continue;
    std::string data = env::ReadFile(files_, root_ + "/db/" + name, UINT64_MAX).value();
    data[10] ^= 1;
    CHECK_OK(env::WriteFileAtomically(files_, root_ + "/db/" + name, data));
  }
  const auto engine = RocksKvEngine::Open(root_ + "/db", {}).value();
  EXPECT_EQ(engine->Get(ColumnFamily::kDefault, "k0").status().code(), absl::StatusCode::kDataLoss);
  const auto it = engine->NewIterator(ColumnFamily::kDefault);
  it->SeekToFirst();
  EXPECT_FALSE(it->Valid());
  EXPECT_EQ(it->status().code(), absl::StatusCode::kDataLoss);
}

using RocksKvEngineDeathTest = RocksKvEngineTest;

TEST_F(RocksKvEngineDeathTest, AFlushThatFailsStopsTheProcess) {
  EXPECT_DEATH(
      {
        const auto engine = RocksKvEngine::Open(root_ + "/db", {}).value();
        const auto batch = engine->NewBatch();
        batch->Put(ColumnFamily::kDefault, "k", "v");
        CHECK_OK(engine->Write(*batch));
        CHECK_OK(files_.RemoveAll(root_));
        (void)engine->Flush();
      },
      "the disk cannot be trusted; stopping");
}

TEST_F(RocksKvEngineDeathTest, AKeyThatIsTooLongIsAProgrammersError) {
  EXPECT_DEATH(
      {
        const auto engine = RocksKvEngine::Open(root_ + "/db", {}).value();
        engine->NewBatch()->Put(ColumnFamily::kDefault, std::string(kMaxKeyBytes + 1, 'k'), "v");
      },
      "kMaxKeyBytes");
}

}  // namespace
}  // namespace flotilla::engine
