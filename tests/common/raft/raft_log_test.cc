#include "common/raft/raft_log.h"

#include <vector>

#include "common/raft/raw_node.h"
#include "gtest/gtest.h"
#include "tests/raft/scenario/memory_log.h"

namespace flotilla::raft {
namespace {

Entry At(uint64_t term, uint64_t index, const char* data = "") {
  return {.term = Term(term),
          .index = Index(index),
          .type = EntryType::kNormal,
          .data = Bytes(std::string(data))};
}

// A log of 3 durable entries after position (1, 5): 1/6 1/7 2/8.
class RaftLogTest : public testing::Test {
 protected:
  RaftLogTest() {
    SnapshotMeta meta;
    meta.index = Index(5);
    meta.term = Term(1);
    EXPECT_TRUE(reader_.Restore(meta).ok());
    reader_.Append({At(1, 6), At(1, 7), At(2, 8)});
  }
  RaftLog Make(uint64_t max_unapplied = kNoLimit, bool apply_unstable = false) {
    return RaftLog(&reader_, Index(5), Index(5), max_unapplied, apply_unstable);
  }

  scenario::MemoryLog reader_{
      [](PeerId, Index) -> absl::StatusOr<Snapshot> { return absl::UnavailableError("none"); }};
};

TEST_F(RaftLogTest, KnowsTermsFromItsBaseToItsEnd) {
  RaftLog log = Make();
  EXPECT_EQ(log.first_index(), Index(6));
  EXPECT_EQ(log.last(), (EntryId{Term(2), Index(8)}));
  EXPECT_EQ(log.TermAt(Index(4)), std::nullopt);
  EXPECT_EQ(log.TermAt(Index(5)), Term(1));
  EXPECT_EQ(log.TermAt(Index(8)), Term(2));
  EXPECT_EQ(log.TermAt(Index(9)), std::nullopt);
  EXPECT_FALSE(log.EntriesFrom(Index(5), kNoLimit).has_value());
  EXPECT_EQ(log.EntriesFrom(Index(6), kNoLimit)->size(), 3u);
  EXPECT_TRUE(log.EntriesFrom(Index(9), kNoLimit)->empty());
  EXPECT_EQ(log.EntriesFrom(Index(6), 1)->size(), 1u);
}

// Thesis 3.6.1.
TEST_F(RaftLogTest, UpToDateIsALaterTermOrALongerLog) {
  RaftLog log = Make();
  EXPECT_TRUE(log.IsUpToDate({Term(3), Index(1)}));
  EXPECT_TRUE(log.IsUpToDate({Term(2), Index(8)}));
  EXPECT_FALSE(log.IsUpToDate({Term(2), Index(7)}));
  EXPECT_FALSE(log.IsUpToDate({Term(1), Index(99)}));
}

// Thesis 3.5: what is there already is not appended again, so that an old message drops nothing.
TEST_F(RaftLogTest, AnOldAppendDropsNothing) {
  RaftLog log = Make();
  EXPECT_EQ(log.MaybeAppend({Term(1), Index(5)}, {At(1, 6)}, Index(5)), Index(6));
  EXPECT_EQ(log.last_index(), Index(8));
  EXPECT_FALSE(log.unstable().HasNewEntries());
}

TEST_F(RaftLogTest, AConflictingTailIsReplaced) {
  RaftLog log = Make();
  EXPECT_EQ(log.MaybeAppend({Term(1), Index(6)}, {At(3, 7), At(3, 8), At(3, 9)}, Index(7)),
            Index(9));
  EXPECT_EQ(log.TermAt(Index(7)), Term(3));
  EXPECT_EQ(log.committed(), Index(7));
  EXPECT_EQ(log.unstable().NewEntries().size(), 3u);
  EXPECT_EQ(log.MaybeAppend({Term(9), Index(9)}, {}, Index(9)), std::nullopt);
}

TEST_F(RaftLogTest, TheCommitIndexStopsAtWhatIsKnownToMatch) {
  RaftLog log = Make();
  EXPECT_EQ(log.MaybeAppend({Term(1), Index(6)}, {}, Index(8)), Index(6));
  EXPECT_EQ(log.committed(), Index(6));
}

TEST_F(RaftLogTest, FindConflictSkipsLargerTerms) {
  reader_.Append({At(5, 9), At(6, 10)});
  RaftLog log = Make();
  EXPECT_EQ(log.FindConflict(Index(10), Term(4)), (EntryId{Term(2), Index(8)}));
  EXPECT_EQ(log.FindConflict(Index(10), Term(6)), (EntryId{Term(6), Index(10)}));
  EXPECT_EQ(log.FindConflict(Index(4), Term(9)), (EntryId{Term(0), Index(4)}));
  EXPECT_EQ(log.FindConflict(Index(10), Term(0)), (EntryId{Term(0), Index(4)}));
}

TEST_F(RaftLogTest, OnlyDurableEntriesAreHandedOutUnlessAllowed) {
  RaftLog durable = Make();
  durable.Append({At(3, 9)});
  durable.CommitTo(Index(9));
  EXPECT_EQ(durable.TakeCommitted().size(), 3u);
  EXPECT_FALSE(durable.HasNextCommitted());
  durable.MarkInProgress();
  reader_.Append({At(3, 9)});
  durable.StableTo({Term(3), Index(9)});
  EXPECT_EQ(durable.TakeCommitted().size(), 1u);

  reader_.Append({At(2, 8)});
  RaftLog early = Make(kNoLimit, /*apply_unstable=*/true);
  early.Append({At(3, 9)});
  early.CommitTo(Index(9));
  EXPECT_EQ(early.TakeCommitted().size(), 4u);
}

TEST_F(RaftLogTest, UnappliedBytesAreLimited) {
  RaftLog log = Make(/*max_unapplied=*/1);
  log.CommitTo(Index(8));
  EXPECT_EQ(log.TakeCommitted().size(), 1u);
  EXPECT_FALSE(log.HasNextCommitted());
  log.AppliedTo(Index(6));
  EXPECT_EQ(log.TakeCommitted().size(), 1u);
}

TEST_F(RaftLogTest, StableToIgnoresWhatWasReplaced) {
  RaftLog log = Make();
  log.Append({At(3, 9), At(3, 10)});
  log.MarkInProgress();
  log.MaybeAppend({Term(2), Index(8)}, {At(4, 9)}, Index(5));
  log.StableTo({Term(3), Index(9)});
  EXPECT_EQ(log.unstable().offset(), Index(9));
  EXPECT_EQ(log.unstable().NewEntries(), (std::vector<Entry>{At(4, 9)}));
}

TEST_F(RaftLogTest, ASnapshotReplacesTheLog) {
  RaftLog log = Make();
  Snapshot snapshot;
  snapshot.meta.index = Index(20);
  snapshot.meta.term = Term(4);
  log.Restore(snapshot);
  EXPECT_EQ(log.first_index(), Index(21));
  EXPECT_EQ(log.last(), (EntryId{Term(4), Index(20)}));
  EXPECT_EQ(log.committed(), Index(20));
  EXPECT_FALSE(log.HasNextCommitted());
  EXPECT_TRUE(log.unstable().HasNewSnapshot());
  log.MarkInProgress();
  EXPECT_FALSE(log.unstable().HasNewSnapshot());
  EXPECT_TRUE(reader_.Restore(snapshot.meta).ok());
  log.SnapshotStable(Index(20));
  log.AppliedTo(Index(20));
  EXPECT_EQ(log.Append({At(5, 21)}), Index(21));
}

}  // namespace
}  // namespace flotilla::raft
