#include "store/bootstrap.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "store/region/region_storage.h"
#include "store/registration.h"
#include "tests/store/last_call_pd.h"

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

// All of a store's first start that talks to PD or writes.
absl::StatusOr<StoreIdentity> StartOnce(env::FileSystem& files, engine::KvEngine& engine,
                                        FakePd& pd) {
  ASSIGN_OR_RETURN(const StoreIdentity identity,
                   EnsureIdentity(files, "data", pd, ApiVersion::kV2));
  metapb::Store self;
  self.set_id(identity.store_id.value());
  self.set_address("127.0.0.1:20160");
  RETURN_IF_ERROR(EnsureClusterBootstrapped(engine, pd, self));
  RETURN_IF_ERROR(RegisterStore({&files, "data", 0}, pd, self, env::Random(1)).status());
  return identity;
}

// A store whose first start ends with that call, and whose second one does not; between the two
// another store may have bootstrapped the cluster. False: there are not so many calls.
bool DieAndComeBack(int call, bool heard, bool overtaken) {
  constexpr uint64_t kOtherStoresRegion = 9'000;
  env::MemoryFileSystem files;
  CHECK_OK(files.CreateDir("data"));
  engine::MemoryKvEngine engine(&files);
  LastCallPd pd;
  pd.DieAt(call, heard);
  const auto first = StartOnce(files, engine, pd);
  if (!pd.is_dead()) return false;
  EXPECT_FALSE(first.ok());
  pd.DieAt(-1, false);
  if (overtaken && !pd.bootstrapped.has_value()) {
    pd.bootstrapped = metapb::Region();
    pd.bootstrapped->set_id(kOtherStoresRegion);
  }
  std::optional<StoreIdentity> identity;
  // The third start shows that it stays so.
  for (int start = 2; start <= 3; ++start) {
    files.Crash();
    engine.Crash();
    const auto again = StartOnce(files, engine, pd);
    EXPECT_TRUE(again.ok()) << again.status();
    if (!again.ok()) return true;
    EXPECT_EQ(*again, identity.value_or(*again));
    identity = *again;
    const auto regions = LoadRegions(engine);
    CHECK_OK(regions.status());
    std::vector<uint64_t> kept;
    for (const PersistedRegion& region : *regions) kept.push_back(region.state.region.id());
    std::vector<uint64_t> right;
    if (pd.bootstrapped->id() != kOtherStoresRegion) right.push_back(pd.bootstrapped->id());
    EXPECT_EQ(kept, right);
    EXPECT_EQ(pd.stores.count(identity->store_id.value()), 1u);
  }
  return true;
}

TEST_F(BootstrapTest, AStartMayEndAtAnyStepOfTheBootstrap) {
  int deaths = 0;
  for (const bool heard : {false, true}) {
    for (const bool overtaken : {false, true}) {
      for (int call = 1;; ++call) {
        SCOPED_TRACE("call " + std::to_string(call) + (heard ? ", heard" : "") +
                     (overtaken ? ", another store is faster" : ""));
        if (!DieAndComeBack(call, heard, overtaken)) break;
        ++deaths;
      }
    }
  }
  EXPECT_GT(deaths, 20);
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
