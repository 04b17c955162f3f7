#include "store/split/split_checker.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"

namespace flotilla::store {
namespace {

class MeasureTest : public ::testing::Test {
 protected:
  void Fill(int keys, size_t value_bytes) {
    const auto batch = engine_.NewBatch();
    for (int i = 0; i < keys; ++i) {
      batch->Put(engine::ColumnFamily::kDefault, "k" + std::to_string(1000 + i),
                 std::string(value_bytes, 'v'));
    }
    ASSERT_TRUE(engine_.Write(*batch).ok());
  }

  env::MemoryFileSystem files_;
  engine::MemoryKvEngine engine_{&files_};
};

TEST_F(MeasureTest, SmallRegionsStayWhole) {
  Fill(149, 5);
  const auto measure =
      MeasureRegion(engine_, {"k", "l"}, {.region_bytes = 1 << 20, .region_keys = 100});
  ASSERT_TRUE(measure.ok());
  EXPECT_EQ(measure->keys, 149u);
  EXPECT_EQ(measure->bytes, 149u * 10);
  EXPECT_TRUE(measure->split_keys.empty());
}

TEST_F(MeasureTest, ByKeys) {
  Fill(250, 5);
  const auto measure =
      MeasureRegion(engine_, {"k", "l"}, {.region_bytes = 1 << 20, .region_keys = 100});
  ASSERT_TRUE(measure.ok());
  EXPECT_EQ(measure->split_keys, (std::vector<std::string>{"k1100", "k1200"}));
}

TEST_F(MeasureTest, ASmallRestStaysWithItsNeighbour) {
  Fill(230, 5);
  const auto measure =
      MeasureRegion(engine_, {"k", "l"}, {.region_bytes = 1 << 20, .region_keys = 100});
  ASSERT_TRUE(measure.ok());
  EXPECT_EQ(measure->split_keys, (std::vector<std::string>{"k1100"}));
}

TEST_F(MeasureTest, ByBytesAndOnlyInTheRange) {
  Fill(100, 95);
  const auto measure =
      MeasureRegion(engine_, {"k1020", "k1080"}, {.region_bytes = 3000, .region_keys = 1000});
  ASSERT_TRUE(measure.ok());
  EXPECT_EQ(measure->bytes, 6000u);
  EXPECT_EQ(measure->split_keys, (std::vector<std::string>{"k1050"}));
}

TEST_F(MeasureTest, TheMiddle) {
  EXPECT_EQ(*MiddleKey(engine_, {"k", "l"}), "");
  Fill(1, 5);
  EXPECT_EQ(*MiddleKey(engine_, {"k1000", "l"}), "") << "nothing to split at";
  Fill(10, 5);
  EXPECT_EQ(*MiddleKey(engine_, {"k", "l"}), "k1005");
}

class KeptSplits final : public RegionSplitter {
 public:
  struct Kept {
    std::vector<std::string> keys;
    SplitCallback done;
  };
  void Split(RegionViewPtr, std::vector<std::string> keys, SplitCallback done) override {
    splits.push_back({std::move(keys), std::move(done)});
  }

  std::vector<Kept> splits;
};

class SplitCheckerTest : public MeasureTest {
 protected:
  RegionViewPtr View(uint64_t id) {
    metapb::Region meta;
    meta.set_id(id);
    meta.set_start_key("k");
    meta.set_end_key("l");
    return std::make_shared<const RegionView>(
        RegionView{Region(meta), metapb::Peer(), std::make_shared<PublishedPeer>()});
  }
  void Check(uint64_t id) {
    checker_->Check(View(id));
    RunAll();
  }
  void RunAll() {
    while (checker_->RunOnce()) {
    }
  }
  void End(size_t split, absl::Status status) {
    if (status.ok()) {
      std::move(splitter_.splits[split].done)(std::vector<metapb::Region>());
    } else {
      std::move(splitter_.splits[split].done)(std::move(status));
    }
    RunAll();
  }

  KeptSplits splitter_;
  std::unique_ptr<SplitChecker> checker_ = std::make_unique<SplitChecker>(
      &engine_, &splitter_, SplitLimits{.region_bytes = 1 << 20, .region_keys = 10});
};

TEST_F(SplitCheckerTest, ASplitMakesOnlySoManyRegions) {
  Fill(500, 5);
  Check(1);
  ASSERT_EQ(splitter_.splits.size(), 1u);
  EXPECT_EQ(splitter_.splits[0].keys.size(), SplitChecker::kMaxNewRegions);
  EXPECT_EQ(splitter_.splits[0].keys.back(), "k1100") << "the rest is behind them";
}

TEST_F(SplitCheckerTest, OneSplitOfARegionAtATime) {
  Fill(30, 5);
  Check(1);
  Check(1);
  Check(1);
  EXPECT_EQ(splitter_.splits.size(), 1u);
  Check(2);
  EXPECT_EQ(splitter_.splits.size(), 2u) << "another region need not wait";
  // Whoever came meanwhile is looked at once more.
  End(0, absl::UnavailableError("PD is away"));
  EXPECT_EQ(splitter_.splits.size(), 3u);
  End(2, absl::OkStatus());
  EXPECT_EQ(splitter_.splits.size(), 3u);
  Check(1);
  EXPECT_EQ(splitter_.splits.size(), 4u);
}

TEST_F(SplitCheckerTest, ASplitMayEndAfterTheChecker) {
  Fill(30, 5);
  Check(1);
  Check(1);
  checker_.reset();
  std::move(splitter_.splits[0].done)(absl::AbortedError("the store stops"));
}

}  // namespace
}  // namespace flotilla::store
