#include "store/snapshot/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/check.h"
#include "common/env/memory_file_system.h"

namespace flotilla::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

SnapshotId IdOf(uint64_t region, uint64_t index) {
  return {RegionId(region), {Term(1), Index(index)}};
}

class SnapshotRegistryTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    registry_.reset();
    auto opened = SnapshotRegistry::Open(options_, &files_, &clock_, &metrics_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    registry_ = *std::move(opened);
  }
  // A complete snapshot whose only file has `bytes` bytes.
  StoredSnapshotPtr Make(SnapshotKind kind, const SnapshotId& id, uint64_t bytes) {
    auto draft = registry_->Begin(kind, id, bytes);
    EXPECT_TRUE(draft.ok()) << draft.status();
    if (!draft.ok()) return nullptr;
    SnapshotManifest manifest{.id = id, .range = {"a", "b"}, .state = "s", .files = {}};
    manifest.files.push_back(
        {.cf = engine::ColumnFamily::kDefault, .size_bytes = bytes, .key_count = 1, .checksum = 1});
    CHECK_OK(env::WriteFileAtomically(files_, (*draft)->dir() + "/default.sst",
                                      std::string(bytes, 'x')));
    return (*draft)->Commit(manifest).value();
  }

  SnapshotRegistryOptions options_{.root = "root", .max_bytes = 1000};
  env::MemoryFileSystem files_;
  env::ManualClock clock_;
  metrics::Registry metrics_;
  std::unique_ptr<SnapshotRegistry> registry_;
};

TEST_F(SnapshotRegistryTest, FindsTheNewestOfARegion) {
  Make(SnapshotKind::kBuilt, IdOf(1, 10), 10);
  Make(SnapshotKind::kBuilt, IdOf(1, 20), 10);
  Make(SnapshotKind::kBuilt, IdOf(2, 30), 10);
  Make(SnapshotKind::kReceived, IdOf(1, 40), 10);
  const auto newest = [this](uint64_t region, uint64_t min_index) {
    const auto found =
        registry_->FindNewest(SnapshotKind::kBuilt, RegionId(region), Index(min_index));
    return found == nullptr ? Index(0) : found->manifest.id.position.index;
  };
  EXPECT_EQ(newest(1, 0), Index(20));
  EXPECT_EQ(newest(1, 20), Index(20));
  EXPECT_EQ(newest(1, 21), Index(0));
  EXPECT_EQ(newest(2, 5), Index(30));
  EXPECT_EQ(newest(3, 0), Index(0));
  EXPECT_EQ(registry_->bytes(), 40);
}

TEST_F(SnapshotRegistryTest, ADraftIsFoundByNobodyAndGoesWhenItIsDropped) {
  auto draft = registry_->Begin(SnapshotKind::kReceived, IdOf(1, 10), 100);
  ASSERT_TRUE(draft.ok());
  EXPECT_EQ(registry_->Find(SnapshotKind::kReceived, IdOf(1, 10)), nullptr);
  EXPECT_EQ(registry_->FindNewest(SnapshotKind::kReceived, RegionId(1), Index(0)), nullptr);
  EXPECT_EQ(registry_->Begin(SnapshotKind::kReceived, IdOf(1, 10), 1).status().code(),
            absl::StatusCode::kAlreadyExists);
  draft->reset();
  EXPECT_THAT(files_.List("root").value(), IsEmpty());
  EXPECT_EQ(registry_->bytes(), 0);
  EXPECT_TRUE(registry_->Begin(SnapshotKind::kReceived, IdOf(1, 10), 1).ok());
}

TEST_F(SnapshotRegistryTest, TheBudgetHoldsForWhatIsBeingMadeToo) {
  Make(SnapshotKind::kBuilt, IdOf(1, 10), 600);
  const auto draft = registry_->Begin(SnapshotKind::kReceived, IdOf(2, 10), 300);
  ASSERT_TRUE(draft.ok());
  const auto refused = registry_->Begin(SnapshotKind::kReceived, IdOf(3, 10), 101);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.status().ToString(), HasSubstr("900 of at most 1000 bytes"));
  EXPECT_TRUE(registry_->Begin(SnapshotKind::kReceived, IdOf(3, 10), 100).ok());
  EXPECT_EQ(registry_->Begin(SnapshotKind::kReceived, IdOf(4, 10), UINT64_MAX).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(SnapshotRegistryTest, AHeldSnapshotKeepsItsFiles) {
  StoredSnapshotPtr held = Make(SnapshotKind::kBuilt, IdOf(1, 10), 10);
  const std::string path = held->PathOf(held->manifest.files[0]);
  registry_->Remove(SnapshotKind::kBuilt, IdOf(1, 10));
  registry_->CollectGarbage();
  EXPECT_EQ(registry_->Find(SnapshotKind::kBuilt, IdOf(1, 10)), nullptr);
  EXPECT_TRUE(files_.Exists(path));
  // One of the same name may be made meanwhile.
  Make(SnapshotKind::kBuilt, IdOf(1, 10), 20);
  held.reset();
  registry_->CollectGarbage();
  EXPECT_FALSE(files_.Exists(path));
  const auto again = registry_->Find(SnapshotKind::kBuilt, IdOf(1, 10));
  ASSERT_NE(again, nullptr);
  EXPECT_TRUE(files_.Exists(again->PathOf(again->manifest.files[0])));
}

TEST_F(SnapshotRegistryTest, IdleSnapshotsAreCollected) {
  Make(SnapshotKind::kBuilt, IdOf(1, 10), 10);
  const StoredSnapshotPtr held = Make(SnapshotKind::kBuilt, IdOf(2, 10), 10);
  clock_.Advance(std::chrono::minutes(20));
  Make(SnapshotKind::kReceived, IdOf(3, 10), 10);
  clock_.Advance(std::chrono::minutes(15));
  registry_->CollectGarbage();
  EXPECT_EQ(registry_->Find(SnapshotKind::kBuilt, IdOf(1, 10)), nullptr);
  EXPECT_NE(registry_->Find(SnapshotKind::kBuilt, IdOf(2, 10)), nullptr);
  EXPECT_NE(registry_->Find(SnapshotKind::kReceived, IdOf(3, 10)), nullptr);
  EXPECT_THAT(files_.List("root").value(), SizeIs(2));
}

TEST_F(SnapshotRegistryTest, AReceivedSnapshotWithADamagedManifestIsRemovedAtStart) {
  const auto stored = Make(SnapshotKind::kReceived, IdOf(1, 10), 10);
  Make(SnapshotKind::kReceived, IdOf(2, 10), 10);
  files_.Corrupt(stored->dir + "/MANIFEST", 3);
  Open();
  EXPECT_EQ(registry_->Find(SnapshotKind::kReceived, IdOf(1, 10)), nullptr);
  EXPECT_NE(registry_->Find(SnapshotKind::kReceived, IdOf(2, 10)), nullptr);
  EXPECT_THAT(files_.List("root").value(), SizeIs(1));
  EXPECT_EQ(registry_->bytes(), 10);
}

TEST_F(SnapshotRegistryTest, ACommittedSnapshotSurvivesACrash) {
  Make(SnapshotKind::kReceived, IdOf(1, 10), 10);
  files_.Crash();
  Open();
  const auto found = registry_->Find(SnapshotKind::kReceived, IdOf(1, 10));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(env::ReadFile(files_, found->PathOf(found->manifest.files[0]), 100).value(),
            std::string(10, 'x'));
}

TEST(SnapshotManifestTest, IsReadBackAndDamageIsFound) {
  SnapshotManifest manifest{.id = IdOf(9, 300), .range = {"a", ""}, .state = "meta", .files = {}};
  manifest.files.push_back({engine::ColumnFamily::kDefault, 1 << 30, 5, UINT64_MAX});
  manifest.files.push_back({engine::ColumnFamily::kWrite, 1, 1, 0});
  const std::string data = EncodeManifest(manifest);
  EXPECT_EQ(DecodeManifest(data).value(), manifest);
  EXPECT_EQ(manifest.TotalBytes(), (1 << 30) + 1);
  for (size_t i = 0; i < data.size(); ++i) {
    std::string damaged = data;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    EXPECT_EQ(DecodeManifest(damaged).status().code(), absl::StatusCode::kDataLoss) << i;
    EXPECT_FALSE(DecodeManifest(data.substr(0, i)).ok()) << i;
  }
  EXPECT_EQ(DecodeSnapshotId(EncodeSnapshotId(manifest.id)).value(), manifest.id);
  EXPECT_FALSE(DecodeSnapshotId("").ok());
  EXPECT_EQ(ToString(manifest.id), "region-9_term-1_index-300");
}

TEST(SnapshotManifestTest, FilesThatNoManifestMayListAreRefused) {
  for (const auto& files : std::vector<std::vector<SnapshotFile>>{
           {{engine::ColumnFamily::kMeta, 1, 1, 0}},
           {{engine::ColumnFamily::kLock, 0, 0, 0}},
           {{engine::ColumnFamily::kLock, UINT64_MAX, 1, 0}},
           {{engine::ColumnFamily::kLock, 1, 1, 0}, {engine::ColumnFamily::kLock, 1, 1, 0}}}) {
    const SnapshotManifest manifest{
        .id = IdOf(9, 300), .range = {"a", "b"}, .state = "", .files = files};
    EXPECT_FALSE(DecodeManifest(EncodeManifest(manifest)).ok());
  }
}

}  // namespace
}  // namespace flotilla::store
