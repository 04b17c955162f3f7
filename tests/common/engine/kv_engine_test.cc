// What every data engine does: the same tests on RocksDB and on its in-memory twin.
#include "common/engine/kv_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "common/env/random.h"
#include "tests/common/engine/engine_under_test.h"

namespace flotilla::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

constexpr ColumnFamily kDefault = ColumnFamily::kDefault;
constexpr ColumnFamily kLock = ColumnFamily::kLock;
constexpr ColumnFamily kMeta = ColumnFamily::kMeta;

using Rows = std::vector<std::pair<std::string, std::string>>;

class KvEngineTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    subject_ = std::string(GetParam()) == "Memory"
                   ? NewMemoryEngineUnderTest()
                   : NewRocksEngineUnderTest(test.substr(0, test.find('/')));
  }

  KvEngine& engine() { return subject_->engine(); }

  void Put(std::string_view key, std::string_view value, ColumnFamily cf = kDefault) {
    const auto batch = engine().NewBatch();
    batch->Put(cf, key, value);
    ASSERT_TRUE(engine().Write(*batch).ok());
  }
  void Delete(std::string_view key, ColumnFamily cf = kDefault) {
    const auto batch = engine().NewBatch();
    batch->Delete(cf, key);
    ASSERT_TRUE(engine().Write(*batch).ok());
  }
  void DeleteRange(const KeyRange& range, ColumnFamily cf = kDefault) {
    const auto batch = engine().NewBatch();
    batch->DeleteRange(cf, range);
    ASSERT_TRUE(engine().Write(*batch).ok());
  }
  std::optional<std::string> Get(std::string_view key, ColumnFamily cf = kDefault,
                                 const Snapshot* snapshot = nullptr) {
    ReadOptions options;
    options.snapshot = snapshot;
    const auto value = engine().Get(cf, key, options);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.value_or(std::nullopt);
  }
  std::optional<std::string> GetFlushed(std::string_view key, ColumnFamily cf = kDefault) {
    const auto value = engine().GetFlushed(cf, key);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.value_or(std::nullopt);
  }
  Rows Scan(const KeyRange& bounds = {}, const Snapshot* snapshot = nullptr,
            ColumnFamily cf = kDefault) {
    ReadOptions options;
    options.bounds = bounds;
    options.snapshot = snapshot;
    const auto it = engine().NewIterator(cf, options);
    Rows rows;
    for (it->SeekToFirst(); it->Valid(); it->Next()) rows.emplace_back(it->key(), it->value());
    EXPECT_TRUE(it->status().ok()) << it->status();
    return rows;
  }
  Rows ScanBack(const KeyRange& bounds = {}) {
    ReadOptions options;
    options.bounds = bounds;
    const auto it = engine().NewIterator(kDefault, options);
    Rows rows;
    for (it->SeekToLast(); it->Valid(); it->Prev()) rows.emplace_back(it->key(), it->value());
    EXPECT_TRUE(it->status().ok()) << it->status();
    return rows;
  }

  std::unique_ptr<EngineUnderTest> subject_;
};

TEST_P(KvEngineTest, ABatchIsVisibleAtOnceInAllColumnFamilies) {
  const auto batch = engine().NewBatch();
  EXPECT_TRUE(batch->empty());
  batch->Put(kDefault, "k", "1");
  batch->Put(kMeta, "k", "2");
  batch->Put(kDefault, "gone", "x");
  batch->Delete(kDefault, "gone");
  EXPECT_FALSE(batch->empty());
  EXPECT_GE(batch->ByteSize(), 9);
  ASSERT_TRUE(engine().Write(*batch).ok());

  EXPECT_THAT(Get("k"), Optional(std::string("1")));
  EXPECT_THAT(Get("k", kMeta), Optional(std::string("2")));
  EXPECT_EQ(Get("k", kLock), std::nullopt);
  EXPECT_EQ(Get("gone"), std::nullopt);
}

TEST_P(KvEngineTest, ABatchIsNotClearedByItsWrite) {
  const auto batch = engine().NewBatch();
  batch->Put(kDefault, "k", "1");
  ASSERT_TRUE(engine().Write(*batch).ok());
  Delete("k");
  ASSERT_TRUE(engine().Write(*batch).ok());
  EXPECT_THAT(Get("k"), Optional(std::string("1")));
  batch->Clear();
  EXPECT_TRUE(batch->empty());
  ASSERT_TRUE(engine().Write(*batch).ok());
}

TEST_P(KvEngineTest, GetToAppends) {
  Put("k", "value");
  Put("empty", "");
  std::string out = "the ";
  EXPECT_TRUE(engine().GetTo(kDefault, "k", out).value());
  EXPECT_EQ(out, "the value");
  EXPECT_TRUE(engine().GetTo(kDefault, "empty", out).value());
  EXPECT_FALSE(engine().GetTo(kDefault, "absent", out).value());
  EXPECT_EQ(out, "the value");
}

TEST_P(KvEngineTest, KeysAreBytes) {
  const std::string zero("\0", 1);
  Put("", "empty");
  Put(zero, "zero");
  Put("\xff\xff", "high");
  EXPECT_THAT(Scan(), ElementsAre(Pair("", "empty"), Pair(zero, "zero"), Pair("\xff\xff", "high")));
}

TEST_P(KvEngineTest, IteratorsGoBothWaysInsideOfTheirBounds) {
  for (const char* key : {"a", "b", "c", "d", "e"}) Put(key, key);
  EXPECT_THAT(Scan({"b", "d"}), ElementsAre(Pair("b", "b"), Pair("c", "c")));
  EXPECT_THAT(ScanBack({"b", "d"}), ElementsAre(Pair("c", "c"), Pair("b", "b")));
  EXPECT_THAT(Scan({"d", ""}), ElementsAre(Pair("d", "d"), Pair("e", "e")));
  EXPECT_THAT(ScanBack({"", "b"}), ElementsAre(Pair("a", "a")));
  EXPECT_THAT(Scan({"x", ""}), IsEmpty());

  ReadOptions options;
  options.bounds = {"b", "d"};
  const auto it = engine().NewIterator(kDefault, options);
  it->Seek("a");
  EXPECT_EQ(it->key(), "b");
  it->Seek("bb");
  EXPECT_EQ(it->key(), "c");
  it->Prev();
  EXPECT_EQ(it->key(), "b");
  it->Prev();
  EXPECT_FALSE(it->Valid());
  it->Seek("d");
  EXPECT_FALSE(it->Valid());
  it->SeekForPrev("bb");
  EXPECT_EQ(it->key(), "b");
  it->SeekForPrev("z");
  EXPECT_EQ(it->key(), "c");
  it->Next();
  EXPECT_FALSE(it->Valid());
  it->SeekForPrev("a");
  EXPECT_FALSE(it->Valid());
}

TEST_P(KvEngineTest, ASnapshotAndAnIteratorDoNotSeeLaterWrites) {
  Put("a", "1");
  Put("b", "1");
  const auto snapshot = engine().NewSnapshot();
  const auto it = engine().NewIterator(kDefault);
  Put("a", "2");
  Delete("b");
  Put("c", "2");
  DeleteRange({"a", "b"});
  Put("a", "3");

  EXPECT_THAT(Get("a", kDefault, snapshot.get()), Optional(std::string("1")));
  EXPECT_THAT(Get("b", kDefault, snapshot.get()), Optional(std::string("1")));
  EXPECT_EQ(Get("c", kDefault, snapshot.get()), std::nullopt);
  EXPECT_THAT(Scan({}, snapshot.get()), ElementsAre(Pair("a", "1"), Pair("b", "1")));
  EXPECT_THAT(Scan(), ElementsAre(Pair("a", "3"), Pair("c", "2")));
  it->SeekToFirst();
  EXPECT_EQ(it->value(), "1");
  it->Next();
  EXPECT_EQ(it->key(), "b");
}

TEST_P(KvEngineTest, DeleteRangeTakesItsRangeAndOneColumnFamily) {
  for (const char* key : {"a", "b", "c", "d"}) {
    Put(key, "1");
    Put(key, "1", kLock);
  }
  DeleteRange({"b", "d"});
  EXPECT_THAT(Scan(), ElementsAre(Pair("a", "1"), Pair("d", "1")));
  EXPECT_EQ(Scan({}, nullptr, kLock).size(), 4);
  Put("b", "2");
  EXPECT_THAT(Get("b"), Optional(std::string("2")));
  Put(std::string(300, '\xff'), "last");
  DeleteRange({"b", ""});
  EXPECT_THAT(Scan(), ElementsAre(Pair("a", "1")));
}

TEST_P(KvEngineTest, AfterABigDeleteRangeReadsAreRightBeforeAndAfterAFlush) {
  for (int i = 0; i < 20'000; i += 100) {
    const auto batch = engine().NewBatch();
    for (int j = i; j < i + 100; ++j) batch->Put(kDefault, absl::StrFormat("%08d", j), "v");
    ASSERT_TRUE(engine().Write(*batch).ok());
  }
  ASSERT_TRUE(engine().Flush().ok());
  DeleteRange({"00000010", "00019990"});
  EXPECT_EQ(Scan().size(), 20);
  EXPECT_EQ(Get("00000010"), std::nullopt);
  ASSERT_TRUE(engine().Flush().ok());
  EXPECT_EQ(Scan().size(), 20);
  EXPECT_EQ(ScanBack().size(), 20);
  EXPECT_EQ(Get("00019989"), std::nullopt);
  EXPECT_THAT(Get("00019990"), Optional(std::string("v")));
}

TEST_P(KvEngineTest, ACrashLeavesWhatTheLastFlushTook) {
  Put("a", "1");
  Put("m", "1", kMeta);
  ASSERT_TRUE(engine().Flush().ok());
  Put("a", "2");
  Put("b", "2");
  Put("m", "2", kMeta);
  subject_->Crash();
  EXPECT_THAT(Scan(), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(Get("m", kMeta), Optional(std::string("1")));
}

TEST_P(KvEngineTest, GetFlushedTellsWhatACrashWouldLeave) {
  EXPECT_EQ(GetFlushed("k"), std::nullopt);
  Put("k", "1");
  EXPECT_EQ(GetFlushed("k"), std::nullopt);
  ASSERT_TRUE(engine().Flush().ok());
  EXPECT_THAT(GetFlushed("k"), Optional(std::string("1")));
  Put("k", "2");
  EXPECT_THAT(GetFlushed("k"), Optional(std::string("1")));
  EXPECT_THAT(Get("k"), Optional(std::string("2")));
  Delete("k");
  EXPECT_THAT(GetFlushed("k"), Optional(std::string("1")));
  ASSERT_TRUE(engine().Flush().ok());
  EXPECT_EQ(GetFlushed("k"), std::nullopt);
  subject_->Crash();
  EXPECT_EQ(GetFlushed("k"), std::nullopt);
}

TEST_P(KvEngineTest, UnflushedBytesGrowAndAFlushTakesThemAndTells) {
  std::atomic<int> flushes = 0;
  engine().SetFlushListener([&flushes] { ++flushes; });
  EXPECT_EQ(engine().UnflushedBytes(), 0);
  Put("k", std::string(10'000, 'v'));
  EXPECT_GE(engine().UnflushedBytes(), 10'000);
  EXPECT_EQ(flushes, 0);
  ASSERT_TRUE(engine().Flush().ok());
  EXPECT_EQ(engine().UnflushedBytes(), 0);
  EXPECT_GE(flushes, 1);
  engine().SetFlushListener(nullptr);
}

TEST_P(KvEngineTest, AnExportedRangeIsTakenInByAnotherEngine) {
  for (const char* key : {"a", "b", "c", "d"}) Put(key, std::string("old ") + key);
  Put("b", "lock", kLock);
  Delete("c");
  const auto snapshot = engine().NewSnapshot();
  Put("b", "new");

  const std::string dir = subject_->dir();
  const auto data = engine().ExportRange(*snapshot, kDefault, {"b", "d"}, dir + "/data");
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->key_count, 1);
  EXPECT_EQ(data->size_bytes, subject_->files().FileSize(dir + "/data").value());
  const auto lock = engine().ExportRange(*snapshot, kLock, {"b", "d"}, dir + "/lock");
  ASSERT_TRUE(lock.ok());
  const auto none = engine().ExportRange(*snapshot, kDefault, {"x", "y"}, dir + "/none");
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->key_count, 0);
  EXPECT_FALSE(subject_->files().Exists(dir + "/none"));

  DeleteRange({"b", "d"});
  Delete("b", kLock);
  ASSERT_TRUE(engine().IngestFiles({*data, *lock}).ok());
  EXPECT_THAT(Scan(), ElementsAre(Pair("a", "old a"), Pair("b", "old b"), Pair("d", "old d")));
  EXPECT_THAT(Get("b", kLock), Optional(std::string("lock")));
  // The snapshot of before does not see what was taken in.
  EXPECT_EQ(Scan({}, snapshot.get()).size(), 3);
}

TEST_P(KvEngineTest, FilesTakenInAreDurableAndTheDeletionBeforeThemToo) {
  Put("b", "good");
  const auto file =
      engine().ExportRange(*engine().NewSnapshot(), kDefault, {"b", "c"}, subject_->dir() + "/f");
  ASSERT_TRUE(file.ok());
  Put("b", "stale");
  Put("bb", "stale");
  ASSERT_TRUE(engine().Flush().ok());
  DeleteRange({"b", "c"});
  ASSERT_TRUE(engine().IngestFiles({*file}).ok());
  subject_->Crash();
  EXPECT_THAT(Get("b"), Optional(std::string("good")));
  // The file is still there, so that an installation can be repeated after a crash.
  DeleteRange({"b", "c"});
  ASSERT_TRUE(engine().IngestFiles({*file}).ok());
  EXPECT_THAT(Scan(), ElementsAre(Pair("b", "good")));
}

TEST_P(KvEngineTest, ADamagedFileIsRefusedAsAWhole) {
  for (int i = 0; i < 100; ++i) Put(absl::StrFormat("b%03d", i), std::string(100, 'v'));
  Put("c", "v");
  const auto snapshot = engine().NewSnapshot();
  const std::string dir = subject_->dir();
  const auto good = engine().ExportRange(*snapshot, kDefault, {"c", "d"}, dir + "/good");
  const auto bad = engine().ExportRange(*snapshot, kDefault, {"b", "c"}, dir + "/bad");
  ASSERT_TRUE(good.ok() && bad.ok());
  std::string data = env::ReadFile(subject_->files(), bad->path, 1 << 20).value();
  data[20] ^= 1;
  ASSERT_TRUE(env::WriteFileAtomically(subject_->files(), bad->path, data).ok());
  DeleteRange({"b", "d"});
  EXPECT_FALSE(engine().IngestFiles({*good, *bad}).ok());
  EXPECT_THAT(Scan(), IsEmpty());
}

TEST_P(KvEngineTest, ApproximateBytesFollowTheData) {
  EXPECT_LT(engine().ApproximateBytes({}), 1000);
  env::Random random(1);
  for (int i = 0; i < 1000; ++i) {
    std::string value(1000, 'v');
    for (char& c : value) c = static_cast<char>(random.Uniform(256));
    Put(absl::StrFormat("%04d", i), value);
  }
  ASSERT_TRUE(engine().Flush().ok());
  const uint64_t all = engine().ApproximateBytes({});
  const uint64_t half = engine().ApproximateBytes({"0500", ""});
  EXPECT_GT(all, 900'000);
  EXPECT_LT(all, 1'300'000);
  EXPECT_GT(half, all * 4 / 10);
  EXPECT_LT(half, all * 6 / 10);
}

// Random operations against a plain map, with flushes and crashes.
TEST_P(KvEngineTest, AgreesWithAPlainMap) {
  env::Random random(42);
  std::map<std::string, std::string> model;
  std::map<std::string, std::string> flushed;
  std::shared_ptr<const Snapshot> snapshot;
  std::map<std::string, std::string> at_snapshot;
  const auto key = [&random] { return absl::StrFormat("%02d", random.Uniform(50)); };
  for (int step = 0; step < 2000; ++step) {
    const uint64_t choice = random.Uniform(100);
    if (choice < 60) {
      const std::string k = key();
      model[k] = std::to_string(step);
      Put(k, model[k]);
    } else if (choice < 80) {
      const std::string k = key();
      model.erase(k);
      Delete(k);
    } else if (choice < 88) {
      KeyRange range{key(), key()};
      if (range.IsEmpty()) continue;
      std::erase_if(model, [&](const auto& row) { return range.Contains(row.first); });
      DeleteRange(range);
    } else if (choice < 92) {
      snapshot = engine().NewSnapshot();
      at_snapshot = model;
    } else if (choice < 96) {
      ASSERT_EQ(Scan(), Rows(model.begin(), model.end())) << "step " << step;
      if (snapshot == nullptr) continue;
      ASSERT_EQ(Scan({}, snapshot.get()), Rows(at_snapshot.begin(), at_snapshot.end()))
          << "step " << step;
    } else if (choice < 99) {
      ASSERT_TRUE(engine().Flush().ok());
      flushed = model;
    } else {
      snapshot.reset();
      subject_->Crash();
      model = flushed;
    }
  }
  EXPECT_EQ(Scan(), Rows(model.begin(), model.end()));
  EXPECT_EQ(ScanBack(), Rows(model.rbegin(), model.rend()));
}

INSTANTIATE_TEST_SUITE_P(Both, KvEngineTest, ::testing::Values("Memory", "Rocks"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace flotilla::engine
