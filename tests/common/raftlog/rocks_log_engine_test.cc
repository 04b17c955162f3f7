// What only the log engine on RocksDB does: truncation without tombstones, and what damage of its
// files leads to.
#include "common/raftlog/rocks_log_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/env/posix_file_system.h"
#include "common/env/random.h"
#include "tests/common/raftlog/log_engine_under_test.h"

namespace flotilla::raftlog {
namespace {

constexpr RegionId kOne{1};

void Write(LogEngine& engine, LogChange change) {
  LogBatch batch;
  batch.changes.push_back(std::move(change));
  CHECK_OK(engine.Write(batch));
}

TEST(RocksLogEngineTest, TruncatedEntriesDoNotReachTheTables) {
  const auto subject = NewRocksLogEngineUnderTest("TruncatedEntries");
  env::Random random(1);
  for (uint64_t index = 1; index <= 100; ++index) {
    LogChange change;
    change.region_id = kOne;
    std::string data(10'000, ' ');
    for (char& c : data) c = static_cast<char>(random.Uniform(256));
    change.entries = {MakeEntry(1, index, data)};
    Write(subject->engine(), std::move(change));
    if (index == 50) subject->Compact();
  }
  EXPECT_GT(subject->engine().ApproximateBytes(), 900'000);
  LogChange change;
  change.region_id = kOne;
  change.truncate_to = raft::EntryId{Term(1), Index(95)};
  Write(subject->engine(), std::move(change));
  subject->Compact();
  EXPECT_LT(subject->engine().ApproximateBytes(), 100'000);
  EXPECT_EQ(subject->engine().Entries(kOne, Index(96), Index(101), UINT64_MAX)->size(), 5);
}

// A log that is written for long: what its directory takes, and what was written to tables.
class RocksLogSizeTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kMemtable = 1 * kMiB;
  static constexpr size_t kEntry = 64 * kKiB;

  RocksLogSizeTest() {
    CHECK_OK(files_.RemoveAll(root_));
    CHECK_OK(files_.CreateDir(root_));
    RocksLogOptions options;
    options.memtable_bytes = kMemtable;
    options.metrics = &metrics_;
    engine_ = RocksLogEngine::Open(root_ + "/db", options).value();
  }
  ~RocksLogSizeTest() override {
    engine_.reset();
    CHECK_OK(files_.RemoveAll(root_));
  }

  // Writes `bytes` of entries; after each the log keeps `kept` bytes, as if followers needed them,
  // and `on_write` is called with the last index. Returns the most that the directory took.
  uint64_t WriteLong(uint64_t bytes, uint64_t kept, const std::function<void(Index)>& on_write) {
    uint64_t most = 0;
    for (uint64_t index = 1; index <= bytes / kEntry; ++index) {
      LogChange change;
      change.region_id = kOne;
      change.entries = {MakeEntry(1, index, RandomData())};
      if (index > kept / kEntry) {
        change.truncate_to = raft::EntryId{Term(1), Index(index - kept / kEntry)};
      }
      Write(*engine_, std::move(change));
      on_write(Index(index));
      most = std::max(most, DirectoryBytes());
    }
    return most;
  }
  std::string RandomData() {
    std::string data(kEntry, ' ');
    for (char& c : data) c = static_cast<char>(random_.Uniform(256));
    return data;
  }
  // Write-ahead files and tables; RocksDB's own notes have a bound of their own.
  uint64_t DirectoryBytes() {
    uint64_t bytes = 0;
    const std::vector<std::string> names = files_.List(root_ + "/db").value();
    for (const std::string& name : names) {
      if (!name.ends_with(".log") && !name.ends_with(".sst")) continue;
      // It may be gone by now.
      bytes += files_.FileSize(root_ + "/db/" + name).value_or(0);
    }
    return bytes;
  }
  double TableBytes(const std::string& by) {
    return metrics_
        .AddCounter("flotilla_engine_table_written_bytes_total",
                    "Bytes of tables that flushes and compactions wrote",
                    {{"engine", "log"}, {"by", by}})
        .Value();
  }

  const std::string root_ = ::testing::TempDir() + "rocks_log_size_test";
  env::PosixFileSystem files_;
  env::Random random_{1};
  metrics::Registry metrics_;
  std::unique_ptr<RocksLogEngine> engine_;
};

TEST_F(RocksLogSizeTest, WhatIsTruncatedBeforeItsFlushIsOverIsNotWritten) {
  // Truncation is late: it comes only when the engine asks for it. Writing does not run ahead of
  // that, however busy the machine is: a memtable that is full is followed by half of another.
  constexpr uint64_t kAhead = kMemtable * 3 / 2 / kEntry;
  Mutex mutex;
  CondVar asked;
  absl::AnyInvocable<void() &&> truncate;
  engine_->SetFlushPreparation([&](absl::AnyInvocable<void() &&> done) {
    MutexLock lock(mutex);
    truncate = std::move(done);
    asked.NotifyOne();
  });
  Index truncated;
  const auto on_write = [&](Index last) {
    MutexLock lock(mutex);
    if (last - truncated > kAhead && !truncate) asked.WaitFor(mutex, std::chrono::seconds(30));
    if (!truncate) return;
    LogChange change;
    change.region_id = kOne;
    change.truncate_to = raft::EntryId{Term(1), last};
    Write(*engine_, std::move(change));
    truncated = last;
    std::move(truncate)();
    truncate = nullptr;
  };
  const uint64_t written = 25 * kMemtable;
  const uint64_t most = WriteLong(written, written, on_write);
  EXPECT_LT(TableBytes("flush") + TableBytes("compaction"), static_cast<double>(written) / 20);
  EXPECT_LT(most, 4 * kMemtable);
}

TEST_F(RocksLogSizeTest, TheDirectoryTakesWhatTheLogsHoldAndSomeMemtables) {
  const uint64_t kept = 8 * kMemtable;
  const uint64_t most = WriteLong(60 * kMemtable, kept, [](Index) {});
  // The bound of docs/log_format.md. Flushes may lag as far as it allows: each write-ahead file has
  // a tenth in advance and passes its size by an entry. While tables are merged they exist twice.
  EXPECT_LT(most, 4 * (kMemtable * 11 / 10 + kEntry) + kept * 3 / 2 + kept);
  EXPECT_GT(most, kept);
  EXPECT_EQ(engine_
                ->Entries(kOne, Index(60 * kMemtable / kEntry - 10),
                          Index(60 * kMemtable / kEntry + 1), UINT64_MAX)
                ->size(),
            11);
}

class RocksLogDamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    CHECK_OK(files_.RemoveAll(root_));
    CHECK_OK(files_.CreateDir(root_));
  }
  void TearDown() override { CHECK_OK(files_.RemoveAll(root_)); }

  // Writes entries [1, count] one by one; nothing is flushed.
  void WriteEntries(uint64_t count) {
    const auto engine = RocksLogEngine::Open(root_ + "/db", {}).value();
    for (uint64_t index = 1; index <= count; ++index) {
      Write(*engine, Append(kOne, 1, index, index));
    }
  }
  // The write-ahead file that is not empty.
  std::string LogPath() {
    std::string path;
    const std::vector<std::string> names = files_.List(root_ + "/db").value();
    for (const std::string& name : names) {
      if (!name.ends_with(".log")) continue;
      if (files_.FileSize(root_ + "/db/" + name).value() > 0) path = root_ + "/db/" + name;
    }
    return path;
  }
  std::string ReadLog() { return env::ReadFile(files_, LogPath(), UINT64_MAX).value(); }

  const std::string root_ = ::testing::TempDir() + "rocks_log_damage_test";
  env::PosixFileSystem files_;
};

TEST_F(RocksLogDamageTest, ARecordCutOffByACrashIsDropped) {
  WriteEntries(20);
  const std::string data = ReadLog();
  CHECK_OK(env::WriteFileAtomically(files_, LogPath(), data.substr(0, data.size() - 5)));
  const auto engine = RocksLogEngine::Open(root_ + "/db", {});
  ASSERT_TRUE(engine.ok()) << engine.status();
  EXPECT_EQ((*engine)->Load(kOne)->last.index, Index(19));
}

TEST_F(RocksLogDamageTest, DamageBeforeTheEndIsNotTakenForTheEnd) {
  WriteEntries(20);
  std::string data = ReadLog();
  data[data.size() / 2] ^= 1;
  CHECK_OK(env::WriteFileAtomically(files_, LogPath(), data));
  const auto engine = RocksLogEngine::Open(root_ + "/db", {});
  EXPECT_EQ(engine.status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RocksLogDamageTest, ASecondOpenIsRefused) {
  const auto first = RocksLogEngine::Open(root_ + "/db", {});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(RocksLogEngine::Open(root_ + "/db", {}).status().code(),
            absl::StatusCode::kUnavailable);
}

using RocksLogDamageDeathTest = RocksLogDamageTest;

TEST_F(RocksLogDamageDeathTest, AFlushThatFailsStopsTheProcess) {
  EXPECT_DEATH(
      {
        const auto engine = RocksLogEngine::Open(root_ + "/db", {}).value();
        Write(*engine, Append(kOne, 1, 1, 1));
        CHECK_OK(files_.RemoveAll(root_));
        (void)engine->Compact();
      },
      "the disk cannot be trusted; stopping");
}

}  // namespace
}  // namespace flotilla::raftlog
