#include "store/heartbeat/position_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/raftlog/memory_log_engine.h"
#include "tests/store/fake_pd.h"

namespace flotilla::store {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class NotingFailStop final : public env::FailStop {
 public:
  void OnDiskFailure(const absl::Status& why) override { heard.push_back(why); }

  std::vector<absl::Status> heard;
};

class PositionReportTest : public ::testing::Test {
 protected:
  PositionReportTest() { pd_.memories[3].set_generation(5); }

  void Write() {
    raftlog::LogBatch batch;
    batch.changes.emplace_back();
    batch.changes.back().region_id = RegionId(1);
    batch.changes.back().hard_state = raft::HardState();
    ASSERT_TRUE(log_.Write(batch).ok());
  }
  void RunFor(seconds time) {
    for (seconds passed{0}; passed < time; passed += seconds(1)) {
      clock_.Advance(seconds(1));
      report_.RunOnce();
    }
  }

  env::ManualClock clock_;
  raftlog::MemoryLogEngine log_;
  FakePd pd_;
  metrics::Registry metrics_;
  NotingFailStop fail_stop_;
  PositionReport report_{
      {StoreId(3), 5},
      {.log = &log_, .pd = &pd_, .clock = &clock_, .metrics = &metrics_, .fail_stop = &fail_stop_}};
};

TEST_F(PositionReportTest, PdHearsOfWhatIsOnDisk) {
  Write();
  report_.RunOnce();
  EXPECT_EQ(pd_.memories[3].position(), 1u) << "at once";
  Write();
  log_.HoldWrites(true);
  Write();
  RunFor(seconds(9));
  EXPECT_EQ(pd_.memories[3].position(), 1u);
  RunFor(seconds(1));
  EXPECT_EQ(pd_.memories[3].position(), 2u) << "what is not synced does not count";
  EXPECT_TRUE(fail_stop_.heard.empty());
}

TEST_F(PositionReportTest, WhilePdIsAwayItGoesOn) {
  pd_.down = absl::UnavailableError("away");
  Write();
  RunFor(seconds(30));
  EXPECT_EQ(pd_.memories[3].position(), 0u);
  pd_.down = absl::OkStatus();
  RunFor(seconds(10));
  EXPECT_EQ(pd_.memories[3].position(), 1u);
  EXPECT_TRUE(fail_stop_.heard.empty());
}

TEST_F(PositionReportTest, AProcessThatWasSupersededStops) {
  pd_.memories[3].set_generation(6);
  report_.RunOnce();
  ASSERT_EQ(fail_stop_.heard.size(), 1u);
  EXPECT_TRUE(absl::IsFailedPrecondition(fail_stop_.heard[0]));
  EXPECT_THAT(std::string(fail_stop_.heard[0].message()),
              HasSubstr("PD has taken start 6 of store 3, this process is start 5"));
}

}  // namespace
}  // namespace flotilla::store
