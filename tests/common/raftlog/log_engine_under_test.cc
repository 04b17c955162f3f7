#include "tests/common/raftlog/log_engine_under_test.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "common/base/check.h"
#include "common/env/posix_file_system.h"
#include "common/raftlog/log_format.h"
#include "common/raftlog/memory_log_engine.h"

namespace flotilla::raftlog {
namespace {

class MemoryUnderTest final : public LogEngineUnderTest {
 public:
  LogEngine& engine() override { return engine_; }
  void Restart() override { engine_.Crash(); }
  void Corrupt(RegionId region_id, Index index) override { engine_.Corrupt(region_id, index); }
  void Compact() override {}

 private:
  MemoryLogEngine engine_;
};

class RocksUnderTest final : public LogEngineUnderTest {
 public:
  RocksUnderTest(const std::string& name, const RocksLogOptions& options)
      : dir_(::testing::TempDir() + "log_engine_test_" + name), options_(options) {
    CHECK_OK(files_.RemoveAll(dir_));
    CHECK_OK(files_.CreateDir(dir_));
    Open();
  }
  ~RocksUnderTest() override {
    engine_.reset();
    CHECK_OK(files_.RemoveAll(dir_));
  }
  LogEngine& engine() override { return *engine_; }
  void Restart() override {
    engine_.reset();
    Open();
  }
  void Corrupt(RegionId region_id, Index index) override {
    engine_.reset();
    rocksdb::DB* db = nullptr;
    CHECK(rocksdb::DB::Open(rocksdb::Options(), dir_ + "/db", &db).ok());
    const std::string key = EntryKey(region_id, index);
    std::string value;
    CHECK(db->Get(rocksdb::ReadOptions(), key, &value).ok());
    value.back() ^= 1;
    CHECK(db->Put(rocksdb::WriteOptions(), key, value).ok());
    delete db;
    Open();
  }
  void Compact() override { CHECK_OK(engine_->Compact()); }

 private:
  void Open() {
    auto engine = RocksLogEngine::Open(dir_ + "/db", options_);
    CHECK_OK(engine.status());
    engine_ = *std::move(engine);
  }

  const std::string dir_;
  const RocksLogOptions options_;
  env::PosixFileSystem files_;
  std::unique_ptr<RocksLogEngine> engine_;
};

}  // namespace

std::unique_ptr<LogEngineUnderTest> NewMemoryLogEngineUnderTest() {
  return std::make_unique<MemoryUnderTest>();
}

std::unique_ptr<LogEngineUnderTest> NewRocksLogEngineUnderTest(const std::string& name,
                                                               const RocksLogOptions& options) {
  return std::make_unique<RocksUnderTest>(name, options);
}

raft::Entry MakeEntry(uint64_t term, uint64_t index, const std::string& data) {
  return {Term(term), Index(index), raft::EntryType::kNormal, Bytes(data)};
}

LogChange Append(RegionId region_id, uint64_t term, uint64_t first, uint64_t last) {
  LogChange change;
  change.region_id = region_id;
  for (uint64_t index = first; index <= last; ++index) {
    change.entries.push_back(MakeEntry(term, index));
  }
  return change;
}

}  // namespace flotilla::raftlog
