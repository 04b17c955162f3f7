#include "store/bootstrap.h"

#include <gtest/gtest.h>

#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "store/region/region_storage.h"
#include "tests/store/fake_pd.h"

namespace flotilla::store {
namespace {

class BootstrapTest : public ::testing::Test {
 protected:
  metapb::Store Self() {
    metapb::Store self;
    self.set_id(3);
    self.set_address("127.0.0.1:20160");
    return self;
  }
  absl::StatusOr<StoreIdentity> Ensure(ApiVersion version = ApiVersion::kV2) {
    return EnsureIdentity(files_, "data", pd_, version);
  }

  env::MemoryFileSystem files_;
  engine::MemoryKvEngine engine_{&files_};
  FakePd pd_;
};

TEST_F(BootstrapTest, TheIdentityIsMadeOnceAndKept) {
  auto lock = LockDataDir(files_, "data");
  ASSERT_TRUE(lock.ok()) << lock.status();
  const auto made = Ensure();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->cluster_id, pd_.cluster_id());
  lock->reset();
  files_.Crash();
  const auto found = Ensure();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, *made);
}

TEST_F(BootstrapTest, OneProcessADirectory) {
  const auto first = LockDataDir(files_, "data");
  ASSERT_TRUE(first.ok());
  const auto second = LockDataDir(files_, "data");
  EXPECT_TRUE(absl::IsUnavailable(second.status()));
  EXPECT_NE(second.status().message().find("in use by another process"), absl::string_view::npos);
}

TEST_F(BootstrapTest, ForeignDirectoriesAreRefused) {
  ASSERT_TRUE(files_.CreateDir("data").ok());
  ASSERT_TRUE(env::WriteFileAtomically(files_, "data/holiday.jpg", "x").ok());
  EXPECT_EQ(Ensure().status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(files_.Remove("data/holiday.jpg").ok());
  ASSERT_TRUE(Ensure().ok());
  EXPECT_EQ(Ensure(ApiVersion::kV1).status().code(), absl::StatusCode::kFailedPrecondition);
  pd_.cluster = ClusterId(8);
  const absl::Status status = Ensure().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("belongs to cluster 7"), absl::string_view::npos) << status;
}

TEST_F(BootstrapTest, TheFirstStoreMakesTheFirstRegion) {
  ASSERT_TRUE(EnsureClusterBootstrapped(engine_, pd_, Self()).ok());
  ASSERT_TRUE(pd_.bootstrapped.has_value());
  EXPECT_EQ(pd_.bootstrapped->start_key(), "");
  EXPECT_EQ(pd_.bootstrapped->end_key(), "");
  auto regions = LoadRegions(engine_);
  ASSERT_TRUE(regions.ok());
  ASSERT_EQ(regions->size(), 1u);
  EXPECT_EQ((*regions)[0].state.region.id(), pd_.bootstrapped->id());
  engine_.Crash();
  ASSERT_TRUE(EnsureClusterBootstrapped(engine_, pd_, Self()).ok());
  EXPECT_EQ(LoadRegions(engine_)->size(), 1u);
}

TEST_F(BootstrapTest, WhoComesLaterKeepsNothing) {
  pd_.bootstrapped = metapb::Region();
  pd_.bootstrapped->set_id(1);
  ASSERT_TRUE(EnsureClusterBootstrapped(engine_, pd_, Self()).ok());
  EXPECT_TRUE(LoadRegions(engine_)->empty());
}

TEST_F(BootstrapTest, AnInterruptedBootstrapIsTakenUpOrDropped) {
  ASSERT_TRUE(EnsureClusterBootstrapped(engine_, pd_, Self()).ok());
  const metapb::Region ours = *pd_.bootstrapped;
  // As if the process had died after the region was written: with the mark, once before PD heard
  // of it and once after.
  const auto batch = engine_.NewBatch();
  std::string mark(8, '\0');
  mark[6] = static_cast<char>(ours.id() >> 8);
  mark[7] = static_cast<char>(ours.id());
  batch->Put(engine::ColumnFamily::kMeta, "b", mark);
  ASSERT_TRUE(engine_.Write(*batch).ok());
  ASSERT_TRUE(engine_.Flush().ok());
  pd_.bootstrapped.reset();
  ASSERT_TRUE(EnsureClusterBootstrapped(engine_, pd_, Self()).ok());
  EXPECT_EQ(pd_.bootstrapped->id(), ours.id()) << "the same region, not a second one";

  ASSERT_TRUE(engine_.Write(*batch).ok());
  pd_.bootstrapped->set_id(ours.id() + 1000);
  ASSERT_TRUE(EnsureClusterBootstrapped(engine_, pd_, Self()).ok());
  EXPECT_TRUE(LoadRegions(engine_)->empty()) << "another store was faster";
}

}  // namespace
}  // namespace flotilla::store
