#include "common/raftlog/group_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "common/raftlog/memory_log_engine.h"
#include "tests/common/raftlog/log_engine_under_test.h"

namespace flotilla::raftlog {
namespace {

constexpr RegionId kRegion{9};

class GroupLogTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }

  // As after a restart: from what the engine holds.
  void Open() {
    log_.reset();
    log_ = std::make_unique<GroupLog>(
        kRegion, engine_.Load(kRegion).value_or(GroupState{}), Shared(),
        [](PeerId, Index) { return absl::UnavailableError("being made"); });
  }
  SharedLogParts Shared() { return {&engine_, &cache_, &budget_, &usage_}; }
  void Write(LogChange change) {
    LogBatch batch;
    batch.changes.push_back(std::move(change));
    ASSERT_TRUE(engine_.Write(batch).ok());
  }
  static raft::LogAppend AppendOf(uint64_t term, uint64_t first, uint64_t last) {
    raft::LogAppend append;
    append.entries = Append(kRegion, term, first, last).entries;
    append.token = {Term(term), {Term(term), Index(last)}, {}};
    return append;
  }
  // Writes an append and tells that it is durable.
  void Persist(raft::LogAppend append) {
    Write(log_->Submit(append));
    log_->OnPersisted(append.token);
  }
  std::vector<raft::Entry> Read(uint64_t low, uint64_t high, uint64_t max_bytes = UINT64_MAX) {
    const auto entries = log_->Entries(Index(low), Index(high), max_bytes);
    EXPECT_TRUE(entries.ok()) << entries.status();
    return entries.value_or(std::vector<raft::Entry>{});
  }

  MemoryLogEngine engine_;
  EntryCache cache_{1 << 20};
  ReadBudget budget_{1000};
  LogUsage usage_;
  std::unique_ptr<GroupLog> log_;
};

TEST_F(GroupLogTest, ANewLogIsEmpty) {
  EXPECT_EQ(log_->truncated(), raft::EntryId{});
  EXPECT_EQ(log_->first_index(), Index(1));
  EXPECT_EQ(log_->last_index(), Index(0));
  EXPECT_EQ(log_->TermAt(Index(0)).value(), Term(0));
  EXPECT_EQ(log_->TermAt(Index(1)).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(log_->SnapshotFor(PeerId(1), Index(1)).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(GroupLogTest, AnAppendIsSeenOnceItIsDurable) {
  raft::LogAppend append = AppendOf(1, 1, 5);
  append.hard_state = raft::HardState{Term(1), PeerId(1), Index(0)};
  const LogChange change = log_->Submit(append);
  EXPECT_EQ(change.entries.size(), 5);
  EXPECT_EQ(change.hard_state->term, Term(1));
  EXPECT_EQ(log_->last_index(), Index(0));
  log_->OnPersisted(append.token);
  EXPECT_EQ(log_->last_index(), Index(5));
  EXPECT_EQ(log_->entry_count(), 5);
  EXPECT_EQ(log_->bytes(), 20);
  EXPECT_EQ(log_->TermAt(Index(3)).value(), Term(1));
  // From the cache: the engine knows nothing.
  EXPECT_EQ(Read(2, 5), AppendOf(1, 2, 4).entries);
}

TEST_F(GroupLogTest, SeveralAppendsMayBeUnderWay) {
  raft::LogAppend first = AppendOf(1, 1, 5);
  raft::LogAppend empty;
  empty.hard_state = raft::HardState{Term(2), PeerId(1), Index(0)};
  empty.token.term = Term(2);
  raft::LogAppend second = AppendOf(2, 4, 4);
  Write(log_->Submit(first));
  Write(log_->Submit(empty));
  Write(log_->Submit(second));
  log_->OnPersisted(first.token);
  EXPECT_EQ(log_->last_index(), Index(5));
  EXPECT_EQ(Read(1, 4), AppendOf(1, 1, 3).entries);
  log_->OnPersisted(empty.token);
  log_->OnPersisted(second.token);
  EXPECT_EQ(log_->last_index(), Index(4));
  EXPECT_EQ(log_->TermAt(Index(4)).value(), Term(2));
  EXPECT_EQ(log_->bytes(), 16);
}

TEST_F(GroupLogTest, WhatIsNotCachedComesFromTheEngine) {
  Persist(AppendOf(1, 1, 10));
  Open();
  EXPECT_EQ(log_->last_index(), Index(10));
  EXPECT_EQ(log_->bytes(), 40);
  EXPECT_EQ(cache_.bytes(), 0);
  EXPECT_EQ(Read(2, 11), AppendOf(1, 2, 10).entries);
  EXPECT_EQ(log_->TermAt(Index(5)).value(), Term(1));
  // A part from each.
  Persist(AppendOf(2, 11, 15));
  std::vector<raft::Entry> expected = AppendOf(1, 8, 10).entries;
  for (const raft::Entry& entry : AppendOf(2, 11, 13).entries) expected.push_back(entry);
  EXPECT_EQ(Read(8, 14), expected);
  expected.resize(4);
  EXPECT_EQ(Read(8, 14, 16), expected);
  expected.resize(2);
  EXPECT_EQ(Read(8, 14, 8), expected);
}

TEST_F(GroupLogTest, ASnapshotReplacesTheLog) {
  Persist(AppendOf(1, 1, 10));
  raft::LogAppend append = AppendOf(3, 21, 22);
  append.snapshot.emplace();
  append.snapshot->meta.index = Index(20);
  append.snapshot->meta.term = Term(3);
  append.token.snapshot = Index(20);
  Persist(std::move(append));
  EXPECT_EQ(log_->truncated(), (raft::EntryId{Term(3), Index(20)}));
  EXPECT_EQ(log_->last_index(), Index(22));
  EXPECT_EQ(log_->bytes(), 8);
  EXPECT_EQ(log_->TermAt(Index(10)).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(log_->TermAt(Index(20)).value(), Term(3));
  Open();
  EXPECT_EQ(log_->truncated(), (raft::EntryId{Term(3), Index(20)}));
  EXPECT_EQ(Read(21, 23), AppendOf(3, 21, 22).entries);
}

TEST_F(GroupLogTest, TruncationIsSeenAtOnce) {
  Persist(AppendOf(1, 1, 10));
  const auto change = log_->Truncate(Index(4));
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change->truncate_to, (raft::EntryId{Term(1), Index(4)}));
  EXPECT_EQ(log_->first_index(), Index(5));
  EXPECT_EQ(log_->entry_count(), 6);
  EXPECT_EQ(log_->bytes(), 24);
  EXPECT_EQ(log_->TermAt(Index(3)).status().code(), absl::StatusCode::kOutOfRange);
  Write(*change);
  Open();
  EXPECT_EQ(log_->first_index(), Index(5));
  EXPECT_TRUE(log_->Truncate(Index(10)).ok());
  EXPECT_EQ(log_->entry_count(), 0);
  EXPECT_EQ(log_->bytes(), 0);
  EXPECT_EQ(log_->TermAt(Index(10)).value(), Term(1));
}

TEST_F(GroupLogTest, UsageFollowsWhatAllLogsHold) {
  constexpr uint64_t kEntry = 4 + kEntryOverheadBytes;
  EXPECT_EQ(usage_.groups(), 1);
  Persist(AppendOf(1, 1, 10));
  EXPECT_EQ(usage_.bytes(), 10 * kEntry);
  GroupState other_state;
  other_state.last = {Term(1), Index(3)};
  other_state.bytes = 12;
  {
    const GroupLog other(RegionId(10), other_state, Shared(), nullptr);
    EXPECT_EQ(usage_.groups(), 2);
    EXPECT_EQ(usage_.bytes(), 13 * kEntry);
  }
  EXPECT_EQ(usage_.groups(), 1);
  Persist(AppendOf(2, 6, 7));
  EXPECT_EQ(usage_.bytes(), 7 * kEntry);
  ASSERT_TRUE(log_->Truncate(Index(5)).ok());
  EXPECT_EQ(usage_.bytes(), 2 * kEntry);
  raft::LogAppend append = AppendOf(3, 21, 21);
  append.snapshot.emplace();
  append.snapshot->meta.index = Index(20);
  append.snapshot->meta.term = Term(3);
  append.token.snapshot = Index(20);
  Persist(std::move(append));
  EXPECT_EQ(usage_.bytes(), kEntry);
  log_.reset();
  EXPECT_EQ(usage_.bytes(), 0);
  EXPECT_EQ(usage_.groups(), 0);
}

TEST_F(GroupLogTest, DamageBelowTheCacheIsReported) {
  Persist(AppendOf(1, 1, 10));
  Open();
  engine_.Corrupt(kRegion, Index(3));
  EXPECT_EQ(log_->Entries(Index(1), Index(5), UINT64_MAX).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(log_->Truncate(Index(3)).status().code(), absl::StatusCode::kDataLoss);
}

using GroupLogDeathTest = GroupLogTest;

TEST_F(GroupLogDeathTest, OnPersistedMustComeInOrder) {
  raft::LogAppend first = AppendOf(1, 1, 5);
  raft::LogAppend second = AppendOf(1, 6, 7);
  log_->Submit(first);
  log_->Submit(second);
  EXPECT_DEATH(log_->OnPersisted(second.token), "in the order of their submission");
}

TEST_F(GroupLogTest, TheDiskIsReadForFollowersAsFarAsTheBudgetGoes) {
  Persist(AppendOf(1, 1, 4));
  EXPECT_TRUE(log_->MayReadForFollower(Index(1)));
  budget_.Spend(1000);
  // What is in the cache costs nothing.
  EXPECT_TRUE(log_->MayReadForFollower(Index(1)));
  cache_.TruncateTo(kRegion, Index(2));
  EXPECT_FALSE(log_->MayReadForFollower(Index(1)));
  EXPECT_TRUE(log_->MayReadForFollower(Index(3)));
  budget_.BeginRound();
  ASSERT_EQ(budget_.TakeTurn(), kRegion);
  ASSERT_TRUE(log_->MayReadForFollower(Index(1)));
  EXPECT_EQ(Read(1, 3).size(), 2u);
  for (int i = 0; i < 10; ++i) Read(1, 3);
  EXPECT_FALSE(log_->MayReadForFollower(Index(1)));
}

}  // namespace
}  // namespace flotilla::raftlog
