#include "store/split/split_checker.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace flotilla::store
