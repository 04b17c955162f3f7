#include "common/multiraft/log_truncation.h"

#include <gtest/gtest.h>

namespace flotilla::multiraft {
namespace {

class LogTruncationTest : public ::testing::Test {
 protected:
  LogTruncationTest() {
    limits_ = {.max_entries = 1000, .max_bytes = 1 << 20, .min_entries = 10};
    view_ = {.truncated = Index(100),
             .entries = 200,
             .bytes = 1000,
             .applied = Index(300),
             .flushed = Index(250),
             .applied_before = Index(200)};
    status_.id = PeerId(1);
    status_.soft_state.role = raft::Role::kLeader;
    SetMatch(1, 300);
    SetMatch(2, 300);
    SetMatch(3, 300);
  }
  void SetMatch(uint64_t peer, uint64_t match, bool active = true) {
    status_.progress[PeerId(peer)] = {.match = Index(match),
                                      .next = Index(match + 1),
                                      .state = raft::ProgressState::kReplicate,
                                      .recently_active = active,
                                      .pending_snapshot = {}};
  }
  uint64_t Point() const { return TruncationPoint(view_, status_, limits_).value(); }

  TruncationLimits limits_;
  TruncationView view_;
  raft::NodeStatus status_;
};

TEST_F(LogTruncationTest, NeverBeyondWhatIsFlushed) { EXPECT_EQ(Point(), 250u); }

TEST_F(LogTruncationTest, KeepsWhatAFollowerHasNotGot) {
  SetMatch(3, 180);
  EXPECT_EQ(Point(), 180u);
  SetMatch(3, 20);
  EXPECT_EQ(Point(), 100u) << "nothing to cut";
}

TEST_F(LogTruncationTest, KeepsLessForAFollowerThatIsNotHeardOf) {
  SetMatch(3, 120, /*active=*/false);
  EXPECT_EQ(Point(), 120u);
  view_.entries = limits_.max_entries / limits_.dead_follower_divisor + 1;
  EXPECT_EQ(Point(), 250u);
}

TEST_F(LogTruncationTest, CutsBeneathSlowFollowersBeyondTheLimits) {
  SetMatch(3, 20);
  view_.entries = limits_.max_entries + 1;
  EXPECT_EQ(Point(), 250u);
  view_.entries = 200;
  view_.bytes = limits_.max_bytes + 1;
  EXPECT_EQ(Point(), 250u);
}

TEST_F(LogTruncationTest, AFollowerThatTakesASnapshotGoesOnAfterIt) {
  SetMatch(3, 20);
  status_.progress[PeerId(3)].state = raft::ProgressState::kSnapshot;
  status_.progress[PeerId(3)].pending_snapshot = Index(240);
  EXPECT_EQ(Point(), 240u);
}

TEST_F(LogTruncationTest, AFollowerKeepsWhatWasAppliedLately) {
  status_.soft_state.role = raft::Role::kFollower;
  status_.progress.clear();
  EXPECT_EQ(Point(), 200u);
}

TEST_F(LogTruncationTest, ASmallGainIsNotWorthAWrite) {
  view_.flushed = Index(109);
  EXPECT_EQ(Point(), 100u);
  view_.flushed = Index(110);
  EXPECT_EQ(Point(), 110u);
}

TEST_F(LogTruncationTest, WantsAFlushOnceTheLogIsHalfFull) {
  EXPECT_FALSE(WantsFlush(view_, limits_));
  view_.bytes = limits_.max_bytes / 2 + 1;
  EXPECT_TRUE(WantsFlush(view_, limits_));
  view_.flushed = view_.applied;
  EXPECT_FALSE(WantsFlush(view_, limits_)) << "a flush would not help";
}

class TightenTest : public LogTruncationTest {
 protected:
  static constexpr uint64_t kMaxTotal = 1000;

  TightenTest() {
    for (int i = 0; i < 4; ++i) usage_.AddGroup();
  }
  TruncationLimits At(uint64_t total) {
    usage_.Move(usage_.bytes(), total);
    return Tighten(limits_, usage_, kMaxTotal);
  }

  raftlog::LogUsage usage_;
};

TEST_F(TightenTest, EveryCutIsWorthItBeyondHalfOfTheTotal) {
  EXPECT_EQ(At(500).min_entries, limits_.min_entries);
  EXPECT_EQ(At(501).min_entries, 1u);
  EXPECT_EQ(At(1000).max_bytes, limits_.max_bytes);
  limits_ = At(501);
  view_.flushed = Index(101);
  EXPECT_EQ(Point(), 101u);
}

TEST_F(TightenTest, BeyondTheTotalLogsLargerThanTheMeanAreCutBeneathSlowFollowers) {
  SetMatch(3, 20, /*active=*/false);
  limits_ = At(1200);
  view_.bytes = 299;
  EXPECT_EQ(Point(), 100u);
  view_.bytes = 300;
  EXPECT_EQ(Point(), 250u);
  limits_.max_bytes = 10;
  EXPECT_EQ(At(1200).max_bytes, 10u) << "a limit is never raised";
}

TEST_F(TightenTest, EqualLogsAreAllLargerThanTheMean) {
  limits_ = At(4004);
  view_.bytes = 1001;
  SetMatch(3, 20);
  EXPECT_EQ(Point(), 250u);
}

TEST(AppliedHistoryTest, TellsWhatWasAppliedSomeTimeAgo) {
  AppliedHistory history(Index(7));
  env::Instant now{};
  for (uint64_t index = 100; index < 200; ++index) {
    history.MaybeSample(Index(index), now);
    history.MaybeSample(Index(1000), now + AppliedHistory::kInterval / 2);  // Too early.
    now += AppliedHistory::kInterval;
  }
  EXPECT_EQ(history.Recent(), Index(199 - AppliedHistory::kRecent));
  EXPECT_EQ(history.Old(), Index(199 - AppliedHistory::kOld));
}

TEST(AppliedHistoryTest, BeginsWithWhatIsAppliedAtTheStart) {
  AppliedHistory history(Index(7));
  history.MaybeSample(Index(9), env::Instant{});
  EXPECT_EQ(history.Recent(), Index(7));
  EXPECT_EQ(history.Old(), Index(7));
}

}  // namespace
}  // namespace flotilla::multiraft
