#include "common/multiraft/transferee.h"

#include <gtest/gtest.h>

namespace flotilla::multiraft {
namespace {

using Step = raft::ConfChangeStep;

constexpr PeerId kLeader(1);
constexpr PeerId kSecond(2);
constexpr PeerId kThird(3);
constexpr PeerId kLearner(4);

raft::PeerProgress Progress(uint64_t match) {
  raft::PeerProgress progress;
  progress.match = Index(match);
  progress.recently_active = true;
  return progress;
}

raft::NodeStatus Leader() {
  raft::NodeStatus status;
  status.id = kLeader;
  status.conf_state.voters = {kLeader, kSecond, kThird};
  status.conf_state.learners = {kLearner};
  status.progress[kLeader] = Progress(20);
  status.progress[kSecond] = Progress(10);
  status.progress[kThird] = Progress(15);
  status.progress[kLearner] = Progress(20);
  status.progress[kLearner].is_learner = true;
  return status;
}

raft::ConfChange Change(std::vector<Step> steps) {
  raft::ConfChange change;
  change.steps = std::move(steps);
  return change;
}

TEST(TransfereeTest, TheOneThatIsFurthestLeadsNext) { EXPECT_EQ(BestTransferee(Leader()), kThird); }

TEST(TransfereeTest, WhoDoesNotAnswerIsNotChosen) {
  raft::NodeStatus leader = Leader();
  leader.progress[kThird].recently_active = false;
  EXPECT_EQ(BestTransferee(leader), kSecond);
  leader.progress[kSecond].recently_active = false;
  EXPECT_EQ(BestTransferee(leader), std::nullopt);
}

TEST(TransfereeTest, ALeaderThatStaysNeedsNoSuccessor) {
  EXPECT_EQ(SuccessorFor(Change({{Step::Type::kRemove, kThird}}), Leader()), std::nullopt);
  EXPECT_EQ(SuccessorFor(Change({{Step::Type::kAddVoter, kLearner}}), Leader()), std::nullopt);
}

TEST(TransfereeTest, WhoIsRemovedOrDemotedWithTheLeaderDoesNotSucceedIt) {
  EXPECT_EQ(SuccessorFor(Change({{Step::Type::kRemove, kLeader}}), Leader()), kThird);
  EXPECT_EQ(
      SuccessorFor(Change({{Step::Type::kAddLearner, kLeader}, {Step::Type::kRemove, kThird}}),
                   Leader()),
      kSecond);
}

TEST(TransfereeTest, OneThatDoesNotAnswerIsBetterThanNone) {
  raft::NodeStatus leader = Leader();
  leader.progress[kThird].recently_active = false;
  EXPECT_EQ(SuccessorFor(Change({{Step::Type::kRemove, kLeader}}), leader), kSecond);
  leader.progress[kSecond].recently_active = false;
  EXPECT_EQ(SuccessorFor(Change({{Step::Type::kRemove, kLeader}}), leader), kThird);
}

TEST(TransfereeTest, ANewVoterIsNotKnownYet) {
  raft::NodeStatus leader = Leader();
  leader.conf_state.voters = {kLeader};
  leader.progress.erase(kSecond);
  leader.progress.erase(kThird);
  EXPECT_EQ(SuccessorFor(Change({{Step::Type::kRemove, kLeader}, {Step::Type::kAddVoter, kThird}}),
                         leader),
            std::nullopt);
  // It is a learner still.
  EXPECT_EQ(
      SuccessorFor(Change({{Step::Type::kRemove, kLeader}, {Step::Type::kAddVoter, kLearner}}),
                   leader),
      std::nullopt);
}

TEST(TransfereeTest, AVoterOfTheOldHalfHandsOverBeforeItLeavesTheJointState) {
  raft::NodeStatus leader = Leader();
  leader.conf_state.voters = {kSecond, kThird};
  leader.conf_state.voters_outgoing = {kLeader, kSecond};
  EXPECT_EQ(SuccessorFor(raft::ConfChange{}, leader), kThird);
  leader.conf_state.voters = {kLeader, kThird};
  EXPECT_EQ(SuccessorFor(raft::ConfChange{}, leader), std::nullopt);
}

TEST(TransfereeTest, AChangeThatDoesNotFitMovesNobody) {
  raft::NodeStatus leader = Leader();
  leader.conf_state.voters_outgoing = {kLeader, kSecond};
  EXPECT_EQ(SuccessorFor(Change({{Step::Type::kRemove, kLeader}}), leader), std::nullopt);
}

}  // namespace
}  // namespace flotilla::multiraft
