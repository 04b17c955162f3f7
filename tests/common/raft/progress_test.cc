#include "common/raft/progress.h"

#include "gtest/gtest.h"

namespace flotilla::raft {
namespace {

Progress Make(uint32_t messages, uint64_t bytes = UINT64_MAX) {
  return Progress(Index(0), Index(1), Inflights(messages, bytes));
}

TEST(InflightsTest, FullByCount) {
  Inflights inflights(2, UINT64_MAX);
  inflights.Add(Index(3), 10);
  EXPECT_FALSE(inflights.Full());
  inflights.Add(Index(5), 10);
  EXPECT_TRUE(inflights.Full());
  inflights.FreeUpTo(Index(2));
  EXPECT_EQ(inflights.count(), 2u);
  inflights.FreeUpTo(Index(4));
  EXPECT_EQ(inflights.count(), 1u);
  EXPECT_EQ(inflights.bytes(), 10u);
  EXPECT_FALSE(inflights.Full());
}

TEST(InflightsTest, FullByBytesAfterOneTooMany) {
  Inflights inflights(100, 15);
  inflights.Add(Index(1), 10);
  EXPECT_FALSE(inflights.Full());
  inflights.Add(Index(2), 100);
  EXPECT_TRUE(inflights.Full());
  inflights.Clear();
  EXPECT_EQ(inflights.bytes(), 0u);
}

TEST(ProgressTest, AProbeWithEntriesWaitsForItsAnswer) {
  Progress progress = Make(10);
  progress.SentEntries(0, 0);
  EXPECT_FALSE(progress.Paused());
  progress.SentEntries(1, 5);
  EXPECT_TRUE(progress.Paused());
  EXPECT_EQ(progress.next(), Index(1));  // Where the log ends is not known yet.
  progress.ResumeAppends();
  EXPECT_FALSE(progress.Paused());
}

TEST(ProgressTest, ReplicatingRunsAheadUntilTheWindowIsFull) {
  Progress progress = Make(2);
  progress.BecomeReplicate();
  progress.SentEntries(3, 5);
  EXPECT_EQ(progress.next(), Index(4));
  EXPECT_FALSE(progress.Paused());
  progress.SentEntries(1, 5);
  EXPECT_TRUE(progress.Paused());
  EXPECT_TRUE(progress.AdvanceMatch(Index(3)));
  EXPECT_FALSE(progress.Paused());
  EXPECT_FALSE(progress.AdvanceMatch(Index(3)));
  EXPECT_EQ(progress.next(), Index(5));
}

TEST(ProgressTest, OldRejectionsChangeNothing) {
  Progress progress = Make(10);
  progress.BecomeReplicate();
  progress.SentEntries(9, 5);
  EXPECT_TRUE(progress.AdvanceMatch(Index(5)));
  EXPECT_FALSE(progress.StepBack(Index(5), Index(4)));
  EXPECT_EQ(progress.next(), Index(10));
  EXPECT_TRUE(progress.StepBack(Index(9), Index(2)));
  EXPECT_EQ(progress.next(), Index(6));
  progress.BecomeProbe();
  EXPECT_FALSE(progress.StepBack(Index(7), Index(2)));
}

TEST(ProgressTest, AProbeGoesBackToTheHintButNotBelowTheMatch) {
  Progress progress(Index(0), Index(20), Inflights(10, UINT64_MAX));
  EXPECT_TRUE(progress.StepBack(Index(19), Index(7)));
  EXPECT_EQ(progress.next(), Index(8));
  EXPECT_TRUE(progress.StepBack(Index(7), Index(7)));
  EXPECT_EQ(progress.next(), Index(7));
  Progress matched(Index(5), Index(20), Inflights(10, UINT64_MAX));
  EXPECT_TRUE(matched.StepBack(Index(19), Index(1)));
  EXPECT_EQ(matched.next(), Index(6));
}

TEST(ProgressTest, AfterASnapshotProbesBehindItUnlessItFailed) {
  Progress progress = Make(10);
  progress.BecomeSnapshot(Index(50));
  EXPECT_TRUE(progress.Paused());
  EXPECT_EQ(progress.next(), Index(51));
  Progress failed = progress;
  progress.BecomeProbe();
  EXPECT_EQ(progress.next(), Index(51));
  failed.ForgetPendingSnapshot();
  failed.BecomeProbe();
  EXPECT_EQ(failed.next(), Index(1));
}

TEST(ProgressTest, ACommitIsToldOnceForWhatWasSent) {
  Progress progress = Make(10);
  progress.BecomeReplicate();
  progress.SentEntries(4, 4);
  EXPECT_TRUE(progress.CanBumpCommit(Index(2)));
  progress.SentCommit(Index(2));
  EXPECT_FALSE(progress.CanBumpCommit(Index(2)));
  EXPECT_TRUE(progress.CanBumpCommit(Index(3)));
  progress.SentCommit(Index(9));  // Beyond what it has been sent: that is all it can use.
  EXPECT_FALSE(progress.CanBumpCommit(Index(10)));
}

}  // namespace
}  // namespace flotilla::raft
