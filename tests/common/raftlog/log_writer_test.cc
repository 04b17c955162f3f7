#include "common/raftlog/log_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/raftlog/memory_log_engine.h"
#include "tests/common/raftlog/log_engine_under_test.h"

namespace flotilla::raftlog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr RegionId kOne{1};
constexpr RegionId kTwo{2};

// Notes the size of each batch that is written, and takes its time.
class CountingEngine final : public LogEngine {
 public:
  explicit CountingEngine(env::ManualClock* clock) : clock_(clock) {}

  absl::Status Write(const LogBatch& batch) override {
    clock_->Advance(write_time);
    batches.push_back(batch.changes.size());
    return memory.Write(batch);
  }
  absl::StatusOr<std::map<RegionId, GroupState>> LoadAll() const override {
    return memory.LoadAll();
  }
  absl::StatusOr<GroupState> Load(RegionId region_id) const override {
    return memory.Load(region_id);
  }
  absl::StatusOr<std::vector<raft::Entry>> Entries(RegionId region_id, Index low, Index high,
                                                   uint64_t max_bytes) const override {
    return memory.Entries(region_id, low, high, max_bytes);
  }
  absl::StatusOr<Term> TermAt(RegionId region_id, Index index) const override {
    return memory.TermAt(region_id, index);
  }
  void SetFlushPreparation(FlushPreparation) override {}
  uint64_t ApproximateBytes() const override { return memory.ApproximateBytes(); }
  uint64_t DurablePosition() const override { return memory.DurablePosition(); }

  MemoryLogEngine memory;
  std::vector<size_t> batches;
  env::Duration write_time{0};

 private:
  env::ManualClock* const clock_;
};

class NotingFailStop final : public env::FailStop {
 public:
  void OnDiskFailure(const absl::Status& why) override { heard.push_back(why); }

  std::vector<absl::Status> heard;
};

class LogWriterTest : public ::testing::Test {
 protected:
  void Submit(LogChange change, const std::string& name) {
    LogWrite write;
    write.changes.push_back(std::move(change));
    write.on_durable = [this, name] {
      durable_.push_back(name);
      last_at_callback_ = engine_.Load(kOne).value_or(GroupState{}).last.index;
    };
    writer_.Submit(std::move(write));
  }

  env::ManualClock clock_;
  metrics::Registry metrics_;
  CountingEngine engine_{&clock_};
  NotingFailStop fail_stop_;
  LogWriter writer_{&engine_, &clock_, &fail_stop_, &metrics_};
  std::vector<std::string> durable_;
  Index last_at_callback_;
};

TEST_F(LogWriterTest, AllThatWaitsIsOneWriteAndCallbacksRunInOrder) {
  EXPECT_FALSE(writer_.RunOnce());
  Submit(Append(kOne, 1, 1, 2), "a");
  Submit(Append(kTwo, 1, 1, 1), "b");
  Submit(Append(kOne, 1, 3, 3), "c");
  EXPECT_THAT(durable_, ElementsAre());
  EXPECT_TRUE(writer_.RunOnce());
  EXPECT_THAT(durable_, ElementsAre("a", "b", "c"));
  EXPECT_THAT(engine_.batches, ElementsAre(3));
  EXPECT_EQ(last_at_callback_, Index(3));
  EXPECT_EQ(engine_.Load(kTwo)->last.index, Index(1));
  EXPECT_FALSE(writer_.RunOnce());
  EXPECT_THAT(metrics_.ToText(), HasSubstr("flotilla_raftlog_batch_writes_sum 3"));
}

TEST_F(LogWriterTest, WhatWaitsIsCountedUntilItIsDurable) {
  EXPECT_EQ(writer_.queued_bytes(), 0u);
  const LogChange change = Append(kOne, 1, 1, 2);
  const uint64_t bytes = change.ByteSize();
  Submit(change, "a");
  EXPECT_EQ(writer_.queued_bytes(), bytes);
  EXPECT_TRUE(writer_.RunOnce());
  EXPECT_EQ(writer_.queued_bytes(), 0u);
}

TEST_F(LogWriterTest, ASlowDiskShowsInTheScore) {
  EXPECT_EQ(writer_.SlowScoreNow(), 1);
  engine_.write_time = std::chrono::seconds(4);
  Submit(Append(kOne, 1, 1, 1), "slow");
  writer_.RunOnce();
  EXPECT_EQ(writer_.SlowScoreNow(), 16);
  EXPECT_THAT(metrics_.ToText(), HasSubstr("flotilla_raftlog_slow_score 16"));
}

TEST_F(LogWriterTest, ABatchIsBoundedByBytes) {
  for (uint64_t i = 1; i <= 5; ++i) {
    LogChange change;
    change.region_id = kOne;
    change.entries = {MakeEntry(1, i, std::string(LogWriter::kMaxBatchBytes / 2, 'x'))};
    Submit(std::move(change), std::to_string(i));
  }
  while (writer_.RunOnce()) {
  }
  EXPECT_THAT(engine_.batches, ElementsAre(2, 2, 1));
  EXPECT_THAT(durable_, ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(LogWriterTest, AWriteWithoutChangesWaitsForThoseBeforeIt) {
  Submit(Append(kOne, 1, 1, 1), "a");
  LogWrite marker;
  marker.on_durable = [this] { durable_.push_back("marker"); };
  writer_.Submit(std::move(marker));
  writer_.RunOnce();
  EXPECT_THAT(durable_, ElementsAre("a", "marker"));
}

TEST_F(LogWriterTest, AfterAFailedWriteNothingIsDurableAnyMore) {
  engine_.memory.FailNextWrite(absl::InternalError("fdatasync: input/output error"));
  for (uint64_t i = 1; i <= 3; ++i) {
    LogChange change;
    change.region_id = kOne;
    change.entries = {MakeEntry(1, i, std::string(LogWriter::kMaxBatchBytes, 'x'))};
    Submit(std::move(change), std::to_string(i));
  }
  writer_.RunOnce();
  Submit(Append(kTwo, 1, 1, 1), "later");
  EXPECT_FALSE(writer_.RunOnce());
  EXPECT_THAT(durable_, ElementsAre());
  EXPECT_THAT(engine_.batches, ElementsAre(1));
  ASSERT_EQ(fail_stop_.heard.size(), 1);
  EXPECT_THAT(std::string(fail_stop_.heard[0].message()),
              HasSubstr("the Raft log was not written: fdatasync: input/output error"));
}

}  // namespace
}  // namespace flotilla::raftlog
