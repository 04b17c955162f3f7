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

TEST_F(LogTruncationTest, AFollowerKeepsWhatWasAppliedSinceItsLastCheck) {
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

}  // namespace
}  // namespace flotilla::multiraft
