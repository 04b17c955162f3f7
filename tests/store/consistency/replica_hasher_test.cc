#include "store/consistency/replica_hasher.h"

#include <gtest/gtest.h>

#include "common/base/check.h"
#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"

namespace flotilla::store {
namespace {

using engine::ColumnFamily;

metapb::Region MakeRegion() {
  metapb::Region region;
  region.set_id(7);
  region.set_start_key("b");
  region.set_end_key("y");
  region.mutable_region_epoch()->set_version(3);
  region.add_peers()->set_id(11);
  return region;
}

class ReplicaHasherTest : public ::testing::Test {
 protected:
  struct Answered {
    HashTask task;
    HashReport report;
  };

  void Put(ColumnFamily cf, std::string_view key, std::string_view value) {
    const auto batch = engine_.NewBatch();
    batch->Put(cf, key, value);
    CHECK_OK(engine_.Write(*batch));
  }
  void Delete(ColumnFamily cf, std::string_view key) {
    const auto batch = engine_.NewBatch();
    batch->Delete(cf, key);
    CHECK_OK(engine_.Write(*batch));
  }
  HashTask Task(const metapb::Region& region = MakeRegion()) {
    return {{RegionId(7), PeerId(11), StoreId(1)},
            Region(region),
            Index(12),
            {99, StoreId(2)},
            engine_.NewSnapshot()};
  }
  // Runs the stage until it has nothing to do, with time that goes on.
  void Run() {
    for (int i = 0; i < 10'000; ++i) {
      if (hasher_.RunOnce()) continue;
      if (!hasher_.next_deadline().has_value()) return;
      if (*hasher_.next_deadline() > clock_.Now()) {
        clock_.Advance(*hasher_.next_deadline() - clock_.Now());
      }
    }
    FAIL() << "the hasher does not come to an end";
  }
  HashReport Hash(const metapb::Region& region = MakeRegion()) {
    EXPECT_TRUE(hasher_.Reserve());
    hasher_.Take(Task(region));
    Run();
    return answers_.back().report;
  }

  env::ManualClock clock_;
  env::MemoryFileSystem files_;
  engine::MemoryKvEngine engine_{&files_};
  metrics::Registry metrics_;
  std::vector<Answered> answers_;
  ReplicaHasher hasher_{&engine_, &clock_, &metrics_, 1 << 20,
                        [this](const HashTask& task, const HashReport& report) {
                          answers_.push_back({task, report});
                        }};
};

TEST_F(ReplicaHasherTest, IsOfTheRegionsDataAlone) {
  Put(ColumnFamily::kDefault, "c", "1");
  Put(ColumnFamily::kDefault, "d", "2");
  Put(ColumnFamily::kWrite, "c", "3");
  const HashReport first = Hash();
  EXPECT_TRUE(first.computed);
  EXPECT_EQ(first.check_id, 99u);
  EXPECT_EQ(first.at, Index(12));
  EXPECT_EQ(first.keys, 3u);
  Put(ColumnFamily::kDefault, "a", "left of it");
  Put(ColumnFamily::kDefault, "y", "right of it");
  Put(ColumnFamily::kMeta, "c", "not replicated");
  // Written again, in another order: the same data.
  Put(ColumnFamily::kDefault, "d", "2");
  Put(ColumnFamily::kDefault, "c", "1");
  EXPECT_EQ(Hash().hash, first.hash);
}

TEST_F(ReplicaHasherTest, AnyDifferenceShows) {
  Put(ColumnFamily::kDefault, "c", "1");
  Put(ColumnFamily::kDefault, "d", "2");
  const uint64_t hash = Hash().hash;
  Put(ColumnFamily::kDefault, "d", "3");
  EXPECT_NE(Hash().hash, hash) << "a value";
  Put(ColumnFamily::kDefault, "d", "2");
  ASSERT_EQ(Hash().hash, hash);
  Put(ColumnFamily::kWrite, "d", "2");
  EXPECT_NE(Hash().hash, hash) << "a pair in another column family";
  Delete(ColumnFamily::kWrite, "d");
  Delete(ColumnFamily::kDefault, "d");
  EXPECT_NE(Hash().hash, hash) << "a key that is missing";
  Put(ColumnFamily::kDefault, "d", "2");
  metapb::Region other = MakeRegion();
  other.mutable_region_epoch()->set_version(4);
  EXPECT_NE(Hash(other).hash, hash) << "what the region knows of itself";
}

TEST_F(ReplicaHasherTest, BytesDoNotMoveBetweenKeyAndValue) {
  Put(ColumnFamily::kDefault, "cd", "e");
  const uint64_t hash = Hash().hash;
  Delete(ColumnFamily::kDefault, "cd");
  Put(ColumnFamily::kDefault, "c", "de");
  EXPECT_NE(Hash().hash, hash);
}

TEST_F(ReplicaHasherTest, ShowsTheViewAndNotWhatCameLater) {
  Put(ColumnFamily::kDefault, "c", "1");
  const uint64_t hash = Hash().hash;
  ASSERT_TRUE(hasher_.Reserve());
  hasher_.Take(Task());
  Put(ColumnFamily::kDefault, "c", "2");
  Run();
  EXPECT_EQ(answers_.back().report.hash, hash);
  EXPECT_NE(Hash().hash, hash);
}

TEST_F(ReplicaHasherTest, WhoComesBeyondTheBoundHearsThatThereIsNoTime) {
  for (int i = 0; i < ReplicaHasher::kMaxTasks; ++i) {
    ASSERT_TRUE(hasher_.Reserve());
    hasher_.Take(Task());
  }
  EXPECT_FALSE(hasher_.Reserve());
  HashTask refused = Task();
  refused.view = nullptr;
  hasher_.Take(std::move(refused));
  hasher_.RunOnce();
  ASSERT_FALSE(answers_.empty());
  EXPECT_FALSE(answers_.front().report.computed);
  Run();
  EXPECT_EQ(answers_.size(), ReplicaHasher::kMaxTasks + 1u);
  EXPECT_TRUE(hasher_.Reserve()) << "there is room again";
}

TEST_F(ReplicaHasherTest, ReadsNoFasterThanItMay) {
  for (int i = 0; i < 40; ++i) {
    Put(ColumnFamily::kDefault, "k" + std::to_string(10 + i), std::string(100 << 10, 'v'));
  }
  const env::Instant start = clock_.Now();
  Hash();
  // 4 MB at 1 MiB a second.
  EXPECT_GE(clock_.Now() - start, std::chrono::seconds(3));
  EXPECT_LE(clock_.Now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace flotilla::store
