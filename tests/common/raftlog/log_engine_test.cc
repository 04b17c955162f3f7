// What every log engine does: the same tests on RocksDB and on its in-memory twin.
#include "common/raftlog/log_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "common/env/random.h"
#include "common/raftlog/memory_log_engine.h"
#include "tests/common/raftlog/log_engine_under_test.h"

namespace flotilla::raftlog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr RegionId kOne{1};
constexpr RegionId kTwo{2};

class LogEngineTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    subject_ = std::string(GetParam()) == "Memory"
                   ? NewMemoryLogEngineUnderTest()
                   : NewRocksLogEngineUnderTest(test.substr(0, test.find('/')));
  }

  LogEngine& engine() { return subject_->engine(); }
  void Write(LogChange change) {
    LogBatch batch;
    batch.changes.push_back(std::move(change));
    ASSERT_TRUE(engine().Write(batch).ok());
  }
  GroupState Load(RegionId region_id) {
    const auto state = engine().Load(region_id);
    EXPECT_TRUE(state.ok()) << state.status();
    return state.value_or(GroupState{});
  }
  std::vector<Term> Terms(RegionId region_id, uint64_t low, uint64_t high) {
    const auto entries = engine().Entries(region_id, Index(low), Index(high), UINT64_MAX);
    EXPECT_TRUE(entries.ok()) << entries.status();
    std::vector<Term> terms;
    if (!entries.ok()) return terms;
    for (const raft::Entry& entry : *entries) terms.push_back(entry.term);
    return terms;
  }
  absl::StatusCode CodeOf(RegionId region_id, uint64_t low, uint64_t high) {
    return engine().Entries(region_id, Index(low), Index(high), UINT64_MAX).status().code();
  }

  std::unique_ptr<LogEngineUnderTest> subject_;
};

TEST_P(LogEngineTest, ANewEngineKnowsNothing) {
  EXPECT_THAT(engine().LoadAll().value(), IsEmpty());
  EXPECT_EQ(engine().Load(kOne).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(kOne, 1, 2), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(engine().TermAt(kOne, Index(5)).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_P(LogEngineTest, WhatIsWrittenIsThereAfterARestart) {
  LogBatch batch;
  batch.changes.push_back(Append(kOne, 3, 1, 4));
  batch.changes[0].hard_state = raft::HardState{Term(3), PeerId(7), Index(2)};
  batch.changes[0].records = {{"name", "value"}, {"other", std::string("\0x", 2)}};
  batch.changes.push_back(Append(kTwo, 1, 1, 1));
  ASSERT_TRUE(engine().Write(batch).ok());
  for (int restart = 0; restart < 3; ++restart) {
    const auto all = engine().LoadAll();
    ASSERT_TRUE(all.ok()) << all.status();
    ASSERT_EQ(all->size(), 2);
    const GroupState& one = all->at(kOne);
    EXPECT_EQ(one.hard_state, (raft::HardState{Term(3), PeerId(7), Index(2)}));
    EXPECT_EQ(one.truncated, raft::EntryId{});
    EXPECT_EQ(one.last, (raft::EntryId{Term(3), Index(4)}));
    EXPECT_EQ(one.bytes, 16);
    EXPECT_THAT(one.records,
                ElementsAre(Pair("name", "value"), Pair("other", std::string("\0x", 2))));
    EXPECT_EQ(all->at(kTwo).last, (raft::EntryId{Term(1), Index(1)}));
    EXPECT_EQ(Load(kOne).last, one.last);
    EXPECT_THAT(Terms(kOne, 2, 4), ElementsAre(Term(3), Term(3)));
    EXPECT_EQ(engine().Entries(kOne, Index(4), Index(5), 0).value(),
              std::vector<raft::Entry>{MakeEntry(3, 4)});
    if (restart == 1) subject_->Compact();
    subject_->Restart();
  }
}

// Writes of all kinds, restarts and compactions in turn; some of the writes only take away.
TEST_P(LogEngineTest, ThePositionGrowsWithEachWriteAndNeverGoesBack) {
  uint64_t last = engine().DurablePosition();
  for (uint64_t round = 0; round < 30; ++round) {
    LogBatch batch;
    LogChange change;
    if (round % 5 < 2) {
      change = Append(kOne, 1, round / 5 * 2 + round % 5 + 1, round / 5 * 2 + round % 5 + 1);
    } else if (round % 5 == 2) {
      change.hard_state = raft::HardState{Term(round), PeerId(7), Index(0)};
    } else if (round % 5 == 3) {
      change.truncate_to = raft::EntryId{Term(1), Index(round / 5 * 2 + 1)};
    } else {
      change.records = {{"name", round % 2 == 0 ? "" : "value"}};
    }
    change.region_id = kOne;
    batch.changes.push_back(change);
    ASSERT_TRUE(engine().Write(batch).ok());
    EXPECT_GT(engine().DurablePosition(), last) << "round " << round;
    last = engine().DurablePosition();
    if (round % 4 == 0) subject_->Compact();
    if (round % 3 == 0) subject_->Restart();
    EXPECT_GE(engine().DurablePosition(), last) << "round " << round;
  }
}

TEST_P(LogEngineTest, EveryTypeAndAnyBytesOfAnEntryAreKept) {
  LogChange change;
  change.region_id = kOne;
  change.entries = {MakeEntry(1, 1, ""), MakeEntry(1, 2, std::string(100'000, '\0'))};
  change.entries[0].type = raft::EntryType::kConfChange;
  Write(change);
  subject_->Restart();
  EXPECT_EQ(engine().Entries(kOne, Index(1), Index(3), UINT64_MAX).value(), change.entries);
}

TEST_P(LogEngineTest, EntriesAreCutByBytesButNeverEmpty) {
  Write(Append(kOne, 1, 1, 10));  // 4 bytes each.
  const auto count = [this](uint64_t max_bytes) {
    return engine().Entries(kOne, Index(1), Index(11), max_bytes).value().size();
  };
  EXPECT_EQ(count(0), 1);
  EXPECT_EQ(count(4), 1);
  EXPECT_EQ(count(11), 2);
  EXPECT_EQ(count(12), 3);
  EXPECT_EQ(count(UINT64_MAX), 10);
}

TEST_P(LogEngineTest, AnAppendReplacesWhatIsAtOrAfterItsFirstIndex) {
  for (const uint64_t old_last : {10, 300}) {
    Write(Append(kOne, 1, 1, old_last));
    Write(Append(kOne, 2, 5, 6));
    for (int restart = 0; restart < 2; ++restart) {
      EXPECT_THAT(Terms(kOne, 4, 7), ElementsAre(Term(1), Term(2), Term(2)));
      EXPECT_EQ(CodeOf(kOne, 6, 8), absl::StatusCode::kOutOfRange);
      EXPECT_EQ(engine().TermAt(kOne, Index(7)).status().code(), absl::StatusCode::kOutOfRange);
      EXPECT_EQ(Load(kOne).last, (raft::EntryId{Term(2), Index(6)}));
      subject_->Restart();
    }
    Write(Append(kOne, 3, 7, 8));
    EXPECT_THAT(Terms(kOne, 6, 9), ElementsAre(Term(2), Term(3), Term(3)));
  }
}

TEST_P(LogEngineTest, ATruncatedLogStartsAfterItsPosition) {
  Write(Append(kOne, 1, 1, 10));
  LogChange change;
  change.region_id = kOne;
  change.truncate_to = raft::EntryId{Term(1), Index(6)};
  Write(change);
  // Never back.
  change.truncate_to = raft::EntryId{Term(1), Index(3)};
  Write(change);
  for (int round = 0; round < 4; ++round) {
    const GroupState state = Load(kOne);
    EXPECT_EQ(state.truncated, (raft::EntryId{Term(1), Index(6)}));
    EXPECT_EQ(state.last, (raft::EntryId{Term(1), Index(10)}));
    EXPECT_EQ(state.bytes, 16);
    EXPECT_EQ(CodeOf(kOne, 6, 8), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(Terms(kOne, 7, 11).size(), 4);
    EXPECT_EQ(engine().TermAt(kOne, Index(6)).value(), Term(1));
    EXPECT_EQ(engine().TermAt(kOne, Index(5)).status().code(), absl::StatusCode::kOutOfRange);
    if (round == 1) subject_->Compact();
    if (round != 2) subject_->Restart();
  }
  change.truncate_to = raft::EntryId{Term(1), Index(10)};
  Write(change);
  EXPECT_EQ(Load(kOne).last, (raft::EntryId{Term(1), Index(10)}));
  Write(Append(kOne, 2, 11, 11));
  EXPECT_THAT(Terms(kOne, 11, 12), ElementsAre(Term(2)));
}

TEST_P(LogEngineTest, AResetDropsTheWholeLogAndKeepsTheRest) {
  LogChange change = Append(kOne, 1, 1, 10);
  change.hard_state = raft::HardState{Term(1), PeerId(1), Index(1)};
  change.records = {{"r", "v"}};
  Write(change);
  LogChange reset = Append(kOne, 5, 21, 22);
  reset.reset_to = raft::EntryId{Term(4), Index(20)};
  Write(reset);
  for (int restart = 0; restart < 2; ++restart) {
    const GroupState state = Load(kOne);
    EXPECT_EQ(state.truncated, (raft::EntryId{Term(4), Index(20)}));
    EXPECT_EQ(state.last, (raft::EntryId{Term(5), Index(22)}));
    EXPECT_EQ(state.hard_state.term, Term(1));
    EXPECT_THAT(state.records, ElementsAre(Pair("r", "v")));
    EXPECT_EQ(CodeOf(kOne, 10, 11), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(engine().TermAt(kOne, Index(20)).value(), Term(4));
    subject_->Restart();
  }
}

// A region that left a store and came back has small indices again.
TEST_P(LogEngineTest, AClearedGroupMayStartAgainLower) {
  LogChange change = Append(kOne, 1, 1, 100);
  change.truncate_to = raft::EntryId{Term(1), Index(80)};
  change.records = {{"r", "v"}};
  Write(change);
  Write(Append(kTwo, 1, 1, 3));

  LogChange again = Append(kOne, 7, 11, 12);
  again.clear = true;
  again.reset_to = raft::EntryId{Term(6), Index(10)};
  again.records = {{"new", "v"}};
  Write(again);
  for (int round = 0; round < 4; ++round) {
    const GroupState state = Load(kOne);
    EXPECT_EQ(state.truncated, (raft::EntryId{Term(6), Index(10)}));
    EXPECT_EQ(state.last, (raft::EntryId{Term(7), Index(12)}));
    EXPECT_THAT(state.records, ElementsAre(Pair("new", "v")));
    EXPECT_THAT(Terms(kOne, 11, 13), ElementsAre(Term(7), Term(7)));
    EXPECT_EQ(Terms(kTwo, 1, 4).size(), 3);
    if (round % 2 == 0) subject_->Compact();
    if (round == 1) subject_->Restart();
  }
  LogChange clear;
  clear.region_id = kOne;
  clear.clear = true;
  Write(clear);
  subject_->Restart();
  EXPECT_EQ(engine().Load(kOne).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(engine().LoadAll()->size(), 1);
}

TEST_P(LogEngineTest, AnEmptyRecordIsRemoved) {
  LogChange change;
  change.region_id = kOne;
  change.records = {{"a", "1"}, {"b", "1"}};
  Write(change);
  change.records = {{"a", ""}, {"b", "2"}};
  Write(change);
  subject_->Restart();
  EXPECT_THAT(Load(kOne).records, ElementsAre(Pair("b", "2")));
}

TEST_P(LogEngineTest, ADamagedEntryIsDataLossAndNamed) {
  Write(Append(kOne, 1, 1, 3));
  Write(Append(kTwo, 1, 1, 3));
  subject_->Corrupt(kTwo, Index(2));
  for (const absl::Status& status :
       {engine().LoadAll().status(), engine().Load(kTwo).status(),
        engine().Entries(kTwo, Index(1), Index(4), UINT64_MAX).status(),
        engine().TermAt(kTwo, Index(2)).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(status.ToString(), HasSubstr("region 2"));
  }
  EXPECT_TRUE(engine().Load(kOne).ok());
  EXPECT_TRUE(engine().Entries(kTwo, Index(1), Index(2), UINT64_MAX).ok());
}

TEST_P(LogEngineTest, SeveralChangesOfAGroupInABatchTakeEffectInOrder) {
  LogBatch batch;
  batch.changes.push_back(Append(kOne, 1, 1, 5));
  batch.changes.push_back(Append(kOne, 2, 3, 4));
  batch.changes.push_back(Append(kOne, 2, 5, 9));
  batch.changes.emplace_back();
  batch.changes.back().region_id = kOne;
  batch.changes.back().truncate_to = raft::EntryId{Term(2), Index(3)};
  ASSERT_TRUE(engine().Write(batch).ok());
  subject_->Restart();
  EXPECT_EQ(Load(kOne).truncated, (raft::EntryId{Term(2), Index(3)}));
  EXPECT_EQ(Terms(kOne, 4, 10), std::vector<Term>(6, Term(2)));
}

// Random changes against a model that is a plain map.
TEST_P(LogEngineTest, AgreesWithAPlainModel) {
  env::Random random(7);
  struct Model {
    raft::EntryId truncated;
    std::map<uint64_t, uint64_t> terms;
    uint64_t last() const {
      return terms.empty() ? truncated.index.value() : terms.rbegin()->first;
    }
  };
  std::map<uint64_t, Model> models;
  uint64_t term = 1;
  for (int step = 0; step < 600; ++step) {
    const uint64_t region = 1 + random.Uniform(4);
    Model& model = models[region];
    LogChange change;
    change.region_id = RegionId(region);
    const uint64_t choice = random.Uniform(100);
    const uint64_t start = model.truncated.index.value();
    if (choice < 60) {
      const uint64_t first = random.Between(start + 1, model.last() + 1);
      const uint64_t last = first + random.Uniform(first == model.last() + 1 ? 20 : 3);
      change = Append(RegionId(region), ++term, first, last);
      model.terms.erase(model.terms.lower_bound(first), model.terms.end());
      for (uint64_t index = first; index <= last; ++index) model.terms[index] = term;
    } else if (choice < 80) {
      if (model.terms.empty()) continue;
      const uint64_t index = random.Between(start + 1, model.last());
      model.truncated = {Term(model.terms[index]), Index(index)};
      model.terms.erase(model.terms.begin(), model.terms.upper_bound(index));
      change.truncate_to = model.truncated;
    } else if (choice < 85) {
      const uint64_t index = random.Between(1, model.last() + 30);
      change.clear = random.Chance(0.5);
      model = {{Term(++term), Index(index)}, {}};
      change.reset_to = model.truncated;
    } else if (choice < 87) {
      subject_->Compact();
      continue;
    } else if (choice < 90) {
      subject_->Restart();
      continue;
    }
    Write(change);
    if (model.terms.empty()) continue;
    std::vector<Term> expected;
    for (const auto& [index, entry_term] : model.terms) expected.emplace_back(entry_term);
    ASSERT_EQ(Terms(RegionId(region), model.truncated.index.value() + 1, model.last() + 1),
              expected)
        << "step " << step;
  }
  const auto states = engine().LoadAll();
  ASSERT_TRUE(states.ok()) << states.status();
  for (const auto& [region, model] : models) {
    EXPECT_EQ(states->at(RegionId(region)).truncated, model.truncated);
    EXPECT_EQ(states->at(RegionId(region)).last.index, Index(model.last()));
  }
}

INSTANTIATE_TEST_SUITE_P(Both, LogEngineTest, ::testing::Values("Memory", "Rocks"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(MemoryLogEngineTest, ThePositionIsOfWhatIsDurable) {
  MemoryLogEngine engine;
  LogBatch batch;
  batch.changes.push_back(Append(kOne, 1, 1, 1));
  ASSERT_TRUE(engine.Write(batch).ok());
  engine.HoldWrites(true);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine.Write(batch).ok());
  EXPECT_EQ(engine.DurablePosition(), 1u);
  engine.Sync(1);
  EXPECT_EQ(engine.DurablePosition(), 2u);
  engine.Crash(1);
  EXPECT_EQ(engine.DurablePosition(), 3u) << "one more had got to the disk";
}

TEST(MemoryLogEngineTest, ACrashKeepsAPrefixOfTheHeldWrites) {
  MemoryLogEngine engine;
  const auto write = [&engine](LogChange change) {
    LogBatch batch;
    batch.changes.push_back(std::move(change));
    ASSERT_TRUE(engine.Write(batch).ok());
  };
  write(Append(kOne, 1, 1, 1));
  engine.HoldWrites(true);
  write(Append(kOne, 1, 2, 2));
  write(Append(kOne, 1, 3, 3));
  write(Append(kOne, 1, 4, 4));
  EXPECT_EQ(engine.Load(kOne)->last.index, Index(4));
  EXPECT_EQ(engine.Sync(1), 2);
  engine.Crash(1);
  EXPECT_EQ(engine.Load(kOne)->last.index, Index(3));
  engine.Crash(0);
  EXPECT_EQ(engine.Load(kOne)->last.index, Index(3));

  engine.FailNextWrite(absl::InternalError("the disk is gone"));
  LogBatch batch;
  batch.changes.push_back(Append(kOne, 1, 4, 4));
  EXPECT_EQ(engine.Write(batch).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(engine.Load(kOne)->last.index, Index(3));
  EXPECT_TRUE(engine.Write(batch).ok());
}

}  // namespace
}  // namespace flotilla::raftlog
