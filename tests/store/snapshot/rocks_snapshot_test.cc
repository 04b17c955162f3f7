// Building and installing on RocksDB and the machine's files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/engine/rocks_kv_engine.h"
#include "common/engine/rocks_options.h"
#include "common/env/posix_file_system.h"
#include "store/snapshot/builder.h"
#include "store/snapshot/installer.h"
#include "store/snapshot/registry.h"

namespace flotilla::store {
namespace {

constexpr engine::ColumnFamily kDefault = engine::ColumnFamily::kDefault;
constexpr engine::ColumnFamily kMeta = engine::ColumnFamily::kMeta;
constexpr RegionId kRegion{7};

class RocksSnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CHECK_OK(files_.RemoveAll(root_));
    CHECK_OK(files_.CreateDir(root_));
    from_ = OpenEngine("from");
    to_ = OpenEngine("to");
    registry_ =
        SnapshotRegistry::Open({.root = root_ + "/snapshots"}, &files_, &clock_, &metrics_).value();
  }
  void TearDown() override {
    from_.reset();
    to_.reset();
    CHECK_OK(files_.RemoveAll(root_));
  }
  std::unique_ptr<engine::RocksKvEngine> OpenEngine(const std::string& name) {
    return engine::RocksKvEngine::Open(root_ + "/" + name, {}).value();
  }
  static std::string KeyOf(int i) { return absl::StrFormat("k%06d", i); }
  static void Put(engine::KvEngine& engine, int first, int last, const std::string& value) {
    const auto batch = engine.NewBatch();
    for (int i = first; i < last; ++i) batch->Put(kDefault, KeyOf(i), value + std::to_string(i));
    CHECK_OK(engine.Write(*batch));
  }
  // Makes the snapshot of keys [1000, 9000) of the sender.
  StoredSnapshotPtr Build() {
    SnapshotBuilder builder(
        from_.get(), registry_.get(), &clock_, &metrics_, [](const engine::Snapshot&, RegionId) {
          return RegionInView{{Term(2), Index(30)}, {KeyOf(1000), KeyOf(9000)}, "state"};
        });
    EXPECT_FALSE(builder.Request(kRegion, Index(0)).ok());
    EXPECT_TRUE(builder.RunOnce());
    return builder.Request(kRegion, Index(0)).value();
  }
  // As the receiver does, but without a network.
  void Receive(const StoredSnapshot& snapshot) {
    auto draft = registry_->Begin(SnapshotKind::kReceived, snapshot.manifest.id, 0).value();
    for (const SnapshotFile& file : snapshot.manifest.files) {
      CHECK_OK(files_.Link(snapshot.PathOf(file), draft->dir() + "/" + FileName(file)));
    }
    CHECK_OK(draft->Commit(snapshot.manifest).status());
  }
  absl::Status Install(const SnapshotId& id) {
    return SnapshotInstaller(to_.get(), registry_.get(), &clock_, &metrics_)
        .Install(id, {},
                 [](const SnapshotManifest& manifest, engine::WriteBatch& batch) {
                   batch.Put(kMeta, "region", manifest.state);
                 })
        .status();
  }
  void ExpectInstalled() {
    const auto theirs = from_->NewIterator(kDefault, {.bounds = {KeyOf(1000), KeyOf(9000)}});
    const auto ours = to_->NewIterator(kDefault, {.bounds = {KeyOf(1000), KeyOf(9000)}});
    int count = 0;
    theirs->SeekToFirst();
    for (ours->SeekToFirst(); ours->Valid(); ours->Next(), theirs->Next(), ++count) {
      ASSERT_TRUE(theirs->Valid());
      ASSERT_EQ(ours->key(), theirs->key());
      ASSERT_EQ(ours->value(), theirs->value());
    }
    EXPECT_TRUE(ours->status().ok());
    EXPECT_EQ(count, 8000);
    EXPECT_EQ(to_->Get(kMeta, "region").value(), "state");
  }

  const std::string root_ = ::testing::TempDir() + "rocks_snapshot_test";
  env::PosixFileSystem files_;
  env::ManualClock clock_;
  metrics::Registry metrics_;
  std::unique_ptr<engine::RocksKvEngine> from_;
  std::unique_ptr<engine::RocksKvEngine> to_;
  std::unique_ptr<SnapshotRegistry> registry_;
};

TEST_F(RocksSnapshotTest, IsInstalledOverOldDataAndSurvivesACrash) {
  Put(*from_, 0, 10'000, "new ");
  Put(*to_, 500, 5'000, "old ");
  ASSERT_TRUE(to_->Flush().ok());
  Put(*to_, 3'000, 9'500, "older and not flushed ");

  const StoredSnapshotPtr built = Build();
  EXPECT_EQ(built->manifest.files.size(), 1);
  EXPECT_EQ(built->manifest.files[0].key_count, 8000);
  Receive(*built);
  ASSERT_TRUE(Install(built->manifest.id).ok());
  ExpectInstalled();
  // Neighbours are as they were.
  EXPECT_EQ(to_->Get(kDefault, KeyOf(999)).value(), "old 999");
  EXPECT_EQ(to_->Get(kDefault, KeyOf(9000)).value(), "older and not flushed 9000");

  to_.reset();
  to_ = OpenEngine("to");
  ExpectInstalled();
  EXPECT_EQ(to_->Get(kDefault, KeyOf(999)).value(), "old 999");
  // The files are there still: an interrupted installation is repeated.
  ASSERT_TRUE(Install(built->manifest.id).ok());
  ExpectInstalled();
}

TEST_F(RocksSnapshotTest, ADamagedFileChangesNothing) {
  Put(*from_, 0, 10'000, "new ");
  Put(*to_, 0, 10'000, "old ");
  const StoredSnapshotPtr built = Build();
  Receive(*built);
  const StoredSnapshotPtr received = registry_->Find(SnapshotKind::kReceived, built->manifest.id);
  const std::string path = received->PathOf(received->manifest.files[0]);
  std::string data = env::ReadFile(files_, path, UINT64_MAX).value();
  data[data.size() / 2] ^= 1;
  ASSERT_TRUE(env::WriteFileAtomically(files_, path, data).ok());
  EXPECT_EQ(Install(built->manifest.id).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(to_->Get(kDefault, KeyOf(2000)).value(), "old 2000");
}

}  // namespace
}  // namespace flotilla::store
