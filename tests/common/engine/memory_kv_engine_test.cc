// What a crash may leave of the engine in memory: no less and no more than of RocksDB.
#include "common/engine/memory_kv_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/env/memory_file_system.h"

namespace flotilla::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NotingFailStop final : public env::FailStop {
 public:
  void OnDiskFailure(const absl::Status&) override { ++heard; }

  int heard = 0;
};

class MemoryKvEngineTest : public ::testing::Test {
 protected:
  MemoryKvEngineTest() { engine_.SetFailStop(&fail_stop_); }

  void Put(const std::string& key) {
    const auto batch = engine_.NewBatch();
    batch->Put(ColumnFamily::kDefault, key, "v");
    ASSERT_TRUE(engine_.Write(*batch).ok());
  }
  void DeleteRange(const KeyRange& range) {
    const auto batch = engine_.NewBatch();
    batch->DeleteRange(ColumnFamily::kDefault, range);
    ASSERT_TRUE(engine_.Write(*batch).ok());
  }
  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    const auto it = engine_.NewIterator(ColumnFamily::kDefault);
    for (it->SeekToFirst(); it->Valid(); it->Next()) keys.emplace_back(it->key());
    return keys;
  }
  TableFile Export(const KeyRange& range) {
    const auto snapshot = engine_.NewSnapshot();
    return engine_.ExportRange(*snapshot, ColumnFamily::kDefault, range, "table").value();
  }

  NotingFailStop fail_stop_;
  env::MemoryFileSystem files_;
  MemoryKvEngine engine_{&files_};
};

TEST_F(MemoryKvEngineTest, ACrashMayKeepAPrefixOfTheUnflushedWrites) {
  Put("a");
  Put("b");
  ASSERT_TRUE(engine_.Flush().ok());
  EXPECT_EQ(engine_.UnflushedWrites(), 0);
  Put("c");
  DeleteRange({"a", "b"});
  Put("d");
  ASSERT_EQ(engine_.UnflushedWrites(), 3);
  engine_.Crash(2);
  EXPECT_THAT(Keys(), ElementsAre("b", "c"));
  EXPECT_TRUE(engine_.GetFlushed(ColumnFamily::kDefault, "c").value().has_value());
  engine_.Crash();
  EXPECT_THAT(Keys(), ElementsAre("b", "c"));
}

TEST_F(MemoryKvEngineTest, FilesTakenInOutliveADeletionBeforeThem) {
  Put("a");
  const TableFile table = Export({});
  DeleteRange({"a", "b"});
  ASSERT_TRUE(engine_.Flush().ok());
  // Holds nothing, and is in the memtable nevertheless.
  DeleteRange({"a", "b"});
  ASSERT_TRUE(engine_.IngestFiles({table}).ok());
  EXPECT_EQ(engine_.UnflushedWrites(), 0);
  engine_.Crash();
  EXPECT_THAT(Keys(), ElementsAre("a"));
}

TEST_F(MemoryKvEngineTest, AfterAFailedFlushNothingBecomesDurable) {
  Put("a");
  const TableFile table = Export({});
  DeleteRange({"a", "b"});
  engine_.FailNextFlush(true);
  ASSERT_TRUE(engine_.Flush().ok());
  EXPECT_EQ(fail_stop_.heard, 1);
  ASSERT_TRUE(engine_.Flush().ok());
  ASSERT_TRUE(engine_.IngestFiles({table}).ok());
  engine_.Crash();
  EXPECT_THAT(Keys(), IsEmpty());
  Put("b");
  ASSERT_TRUE(engine_.Flush().ok());
  engine_.Crash();
  EXPECT_THAT(Keys(), ElementsAre("b"));
}

TEST_F(MemoryKvEngineTest, ADamagedRowIsNeverReturnedUntilItIsWrittenOver) {
  for (const char* key : {"a", "b", "c"}) Put(key);
  EXPECT_THAT(engine_.FlushedKeys(), IsEmpty());
  ASSERT_TRUE(engine_.Flush().ok());
  ASSERT_EQ(engine_.FlushedKeys().size(), 3);
  engine_.Damage(ColumnFamily::kDefault, "b", 5);
  const auto is_refused = [this] {
    const auto it = engine_.NewIterator(ColumnFamily::kDefault);
    it->SeekToFirst();
    EXPECT_EQ(it->key(), "a");
    it->Next();
    EXPECT_FALSE(it->Valid());
    EXPECT_TRUE(absl::IsDataLoss(it->status()));
    EXPECT_TRUE(absl::IsDataLoss(engine_.Get(ColumnFamily::kDefault, "b").status()));
    EXPECT_TRUE(absl::IsDataLoss(engine_.GetFlushed(ColumnFamily::kDefault, "b").status()));
    const auto snapshot = engine_.NewSnapshot();
    EXPECT_FALSE(engine_.ExportRange(*snapshot, ColumnFamily::kDefault, {}, "table").ok());
    EXPECT_EQ(engine_.Get(ColumnFamily::kDefault, "c").value(), "v");
  };
  is_refused();
  EXPECT_EQ(fail_stop_.heard, 4);
  // Damage outlives crashes.
  engine_.Crash();
  is_refused();
  Put("b");
  EXPECT_EQ(engine_.Get(ColumnFamily::kDefault, "b").value(), "v");
  engine_.Crash();
  is_refused();
  Put("b");
  ASSERT_TRUE(engine_.Flush().ok());
  engine_.Crash();
  EXPECT_THAT(Keys(), ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace flotilla::engine
