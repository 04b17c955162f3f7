#include "common/multiraft/apply_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/coding.h"
#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/errors/region_error.h"
#include "common/multiraft/command_frame.h"
#include "tests/support/kv_group.h"

namespace flotilla::multiraft {
namespace {

using ::testing::ElementsAre;
using testing::KvCommand;
using testing::KvGroupStorage;

constexpr RegionId kRegion(1);

class ApplyWorkerTest : public ::testing::Test {
 protected:
  ApplyWorkerTest() {
    ApplyRound round;
    for (RegionId region : {kRegion, RegionId(2)}) {
      auto batch = engine_.NewBatch();
      const PeerId self = testing::PeerOf(region, StoreId(1));
      Storage(region).SaveSelf(*batch, self);
      Storage(region).SaveConfState(*batch, {}, {});
      CHECK_OK(engine_.Write(*batch));
      round.tasks.push_back(StartApplying{
          .region_id = region,
          .incarnation = Incarnation(7),
          .raft_worker = 0,
          .applied = {},
          .state_machine =
              std::make_unique<testing::KvStateMachine>(Storage(region), self, nullptr)});
    }
    worker_.Submit(std::move(round));
    worker_.RunOnce();
  }

  KvGroupStorage Storage(RegionId region) { return {&engine_, region}; }

  static std::string Put(const std::string& key, const std::string& value) {
    return testing::EncodeKvCommand({KvCommand::Kind::kPut, key, value});
  }
  static std::string Append(const std::string& key, const std::string& value) {
    return testing::EncodeKvCommand({KvCommand::Kind::kAppend, key, value});
  }

  // The next entry of the region, with a waiter for each command who notes what he finds.
  void AddEntry(RegionId region, const std::vector<std::string>& commands, const std::string& key) {
    const Index index(++last_[region]);
    CommandFrameBuilder frame;
    PendingEntry pending{.at = {Term(1), index}, .waiters = {}, .since = clock_.Now()};
    for (const std::string& command : commands) {
      frame.Add(command);
      pending.waiters.push_back(
          {env::Instant::max(), [this, region, key](absl::StatusOr<Applied> result) {
             ASSERT_TRUE(result.ok()) << result.status();
             seen_.push_back(Storage(region).Get(key).value_or("nothing"));
           }});
    }
    ApplyEntries task{.region_id = region, .entries = {}, .pending = {}, .bytes = 100};
    task.entries.push_back({.term = Term(1),
                            .index = index,
                            .type = raft::EntryType::kNormal,
                            .data = Bytes(frame.Take())});
    task.pending.push_back(std::move(pending));
    round_.tasks.push_back(std::move(task));
    round_.bytes += 100;
  }

  void Run() {
    worker_.Submit(std::exchange(round_, {}));
    worker_.RunOnce();
  }

  // What the raft worker finds.
  std::vector<PeerMessage> Reports() {
    std::vector<PeerMessage> messages;
    router_.worker(0).TakeAll(messages);
    return messages;
  }

  env::MemoryFileSystem files_;
  engine::MemoryKvEngine engine_{&files_};
  env::ManualClock clock_;
  metrics::Registry registry_;
  HostMetrics metrics_{registry_};
  Router router_{1, 100, 1000};
  ApplyWorker worker_{0, &engine_, &router_, &clock_, &metrics_};
  ApplyRound round_;
  std::map<RegionId, uint64_t> last_;
  std::vector<std::string> seen_;
};

TEST_F(ApplyWorkerTest, AnswersOnceAllWritesOfTheBatchAreVisible) {
  AddEntry(kRegion, {Put("k", "v1"), Put("k", "v2")}, "k");
  AddEntry(kRegion, {Put("k", "v3")}, "k");
  AddEntry(RegionId(2), {Put("k", "w1")}, "k");
  EXPECT_EQ(worker_.queued_bytes(), 0u);
  Run();
  EXPECT_THAT(seen_, ElementsAre("v3", "v3", "v3", "w1"));
  EXPECT_EQ(worker_.queued_bytes(), 0u);
  auto reports = Reports();
  ASSERT_EQ(reports.size(), 1u) << "one message for both groups";
  const auto& groups = std::get<AppliedGroups>(reports[0]).groups;
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].at, (raft::EntryId{Term(1), Index(2)}));
  EXPECT_EQ(groups[0].incarnation, Incarnation(7));
  EXPECT_EQ(groups[1].at, (raft::EntryId{Term(1), Index(1)}));
}

TEST_F(ApplyWorkerTest, TheTimeOfABatchIsCountedFromTheCommitOfItsFirstEntry) {
  clock_.Advance(std::chrono::seconds(1));
  AddEntry(kRegion, {Put("k", "v1")}, "k");
  clock_.Advance(std::chrono::seconds(2));
  AddEntry(kRegion, {Put("k", "v2")}, "k");
  clock_.Advance(std::chrono::seconds(3));
  Run();
  EXPECT_EQ(metrics_.apply_seconds.Collect().histogram.sample_count, 1u);
  EXPECT_DOUBLE_EQ(metrics_.apply_seconds.Collect().histogram.sample_sum, 5);
}

TEST_F(ApplyWorkerTest, TheAppliedPositionIsInTheSameBatchAsTheData) {
  AddEntry(kRegion, {Put("k", "v1")}, "k");
  Run();
  ASSERT_TRUE(engine_.Flush().ok());
  AddEntry(kRegion, {Put("k", "v2")}, "k");
  Run();
  EXPECT_EQ(Storage(kRegion).Load()->applied.index, Index(2));
  engine_.Crash();
  EXPECT_EQ(Storage(kRegion).Load()->applied.index, Index(1));
  EXPECT_EQ(Storage(kRegion).Get("k"), "v1");
}

TEST_F(ApplyWorkerTest, ACommandThatReadsFindsWhatCameBeforeWithItsPosition) {
  AddEntry(kRegion, {Put("k", "v1")}, "k");
  AddEntry(kRegion, {Append("k", "v2")}, "k");
  AddEntry(kRegion, {Append("k", "v3")}, "k");
  Run();
  EXPECT_EQ(Storage(kRegion).Get("k"), "v1,v2,v3");
  // Each write ended with a whole entry: the first answer came before the second command was
  // applied.
  EXPECT_THAT(seen_, ElementsAre("v1", "v1,v2", "v1,v2,v3"));
}

TEST_F(ApplyWorkerTest, ACommandThatReadsMustHaveItsEntryForItself) {
  AddEntry(kRegion, {Put("k", "v1"), Append("k", "v2")}, "k");
  EXPECT_DEATH(Run(), "own_entry");
}

TEST_F(ApplyWorkerTest, ASnapshotReplacesTheStateInItsPlace) {
  AddEntry(kRegion, {Put("old", "v1")}, "old");
  Run();
  raft::Snapshot snapshot;
  snapshot.meta = {.index = Index(10), .term = Term(3), .conf_state = {}};
  snapshot.meta.conf_state.voters = {PeerId(101)};
  std::string data;
  PutVarint64(data, 0);  // The digest.
  PutLengthPrefixed(data, Storage(kRegion).DataKey("new"));
  PutLengthPrefixed(data, "s1");
  snapshot.data = Bytes(data);
  AddEntry(kRegion, {Put("old", "v2")}, "old");
  round_.tasks.push_back(ApplySnapshot{kRegion, snapshot});
  last_[kRegion] = 10;
  AddEntry(kRegion, {Put("new", "v3")}, "new");
  Reports();
  Run();
  EXPECT_FALSE(Storage(kRegion).Get("old").has_value());
  EXPECT_THAT(seen_, ElementsAre("v1", "v2", "v3"));
  auto reports = Reports();
  ASSERT_EQ(reports.size(), 3u);
  const GroupApplied& installed = std::get<AppliedGroups>(reports[1]).groups.at(0);
  ASSERT_TRUE(installed.installed.has_value());
  EXPECT_EQ(installed.installed->voters, snapshot.meta.conf_state.voters);
  EXPECT_EQ(installed.at, (raft::EntryId{Term(3), Index(10)}));
}

TEST_F(ApplyWorkerTest, AGroupLeavesAfterWhatWasUnderWay) {
  AddEntry(kRegion, {Put("k", "v1")}, "k");
  round_.tasks.push_back(StopApplying{kRegion});
  Run();
  EXPECT_THAT(seen_, ElementsAre("v1"));
  auto reports = Reports();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(std::get<GroupStopped>(reports[1]).region_id, kRegion);
}

TEST_F(ApplyWorkerTest, WhatWaitsWhenItStopsIsUndetermined) {
  absl::Status status;
  {
    ApplyWorker worker(1, &engine_, &router_, &clock_, &metrics_);
    ApplyEntries task{.region_id = kRegion, .entries = {}, .pending = {}};
    task.pending.push_back({.at = {Term(1), Index(1)}, .waiters = {}});
    task.pending[0].waiters.push_back(
        {env::Instant::max(), [&](absl::StatusOr<Applied> result) { status = result.status(); }});
    ApplyRound round;
    round.tasks.push_back(std::move(task));
    worker.Submit(std::move(round));
  }
  EXPECT_TRUE(errors::IsUndetermined(status)) << status;
}

}  // namespace
}  // namespace flotilla::multiraft
