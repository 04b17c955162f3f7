#include "common/raft/raw_node.h"

#include <string>
#include <utility>
#include <vector>

#include "common/raft/read_index.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/raft/mini_cluster.h"

namespace flotilla::raft {
namespace {

using ::testing::ElementsAre;

TEST(RawNodeTest, BadConfigurationsAreRefusedByName) {
  auto message = [](auto change) {
    Config config;
    config.id = PeerId(1);
    change(config);
    return std::string(config.Validate().message());
  };
  EXPECT_EQ(message([](Config&) {}), "");
  EXPECT_NE(message([](Config& c) { c.id = PeerId(0); }).find("id"), std::string::npos);
  EXPECT_NE(message([](Config& c) { c.heartbeat_ticks = 0; }).find("heartbeat_ticks"),
            std::string::npos);
  EXPECT_NE(message([](Config& c) { c.heartbeat_ticks = 10; }).find("election_timeout_ticks"),
            std::string::npos);
  EXPECT_NE(message([](Config& c) { c.max_inflight_messages = 0; }).find("inflights"),
            std::string::npos);
  EXPECT_NE(message([](Config& c) { c.max_unapplied_bytes = 0; }).find("max_unapplied_bytes"),
            std::string::npos);
  EXPECT_NE(message([](Config& c) { c.vote_hold_off_ticks = 11; }).find("vote_hold_off_ticks"),
            std::string::npos);
  EXPECT_NE(message([](Config& c) {
              c.lease_based_reads = true;
              c.check_quorum = false;
            }).find("check_quorum"),
            std::string::npos);
}

TEST(RawNodeTest, ALogShorterThanWhatWasCommittedIsDataLoss) {
  Config config;
  config.id = PeerId(1);
  scenario::MemoryLog log([](PeerId, Index) { return absl::UnavailableError(""); });
  ConfState conf;
  conf.voters = {PeerId(1)};
  auto with_commit = RawNode::Create(config, {Term(3), PeerId(0), Index(7)}, conf, Index(0), &log);
  EXPECT_EQ(with_commit.status().code(), absl::StatusCode::kDataLoss);
  auto with_applied = RawNode::Create(config, {Term(3), PeerId(0), Index(0)}, conf, Index(7), &log);
  EXPECT_EQ(with_applied.status().code(), absl::StatusCode::kDataLoss);
  conf.learners = {PeerId(1)};
  auto contradiction = RawNode::Create(config, {}, conf, Index(0), &log);
  EXPECT_EQ(contradiction.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RawNodeTest, ProposalsFailByTheirReason) {
  Config config;
  config.max_uncommitted_bytes = 10;
  MiniCluster cluster(3, config);
  EXPECT_EQ(cluster.raw(1).Propose({}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(cluster.raw(1).Propose({Bytes("x")}).code(), absl::StatusCode::kFailedPrecondition);
  cluster.Elect(1);
  EXPECT_EQ(cluster.raw(2).Propose({Bytes("x")}).code(), absl::StatusCode::kFailedPrecondition);
  // One proposal of any size is let in when nothing waits.
  EXPECT_TRUE(cluster.raw(1).Propose({Bytes(std::string(50, 'x'))}).ok());
  EXPECT_EQ(cluster.raw(1).Propose({Bytes("y")}).code(), absl::StatusCode::kResourceExhausted);
  cluster.Settle();
  EXPECT_TRUE(cluster.raw(1).Propose({Bytes("y")}).ok());
  cluster.Settle();
  cluster.Isolate({2});
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("z")}).ok());
  cluster.raw(1).TransferLeadership(PeerId(2));
  EXPECT_EQ(cluster.raw(1).lead_transferee(), PeerId(2));
  EXPECT_EQ(cluster.raw(1).Propose({Bytes("y")}).code(), absl::StatusCode::kUnavailable);
}

TEST(RawNodeTest, ASecondConfChangeIsRefusedWhileOneIsPending) {
  MiniCluster cluster(3, Config());
  cluster.Elect(1);
  ConfChange change;
  change.steps = {{ConfChangeStep::Type::kAddLearner, PeerId(4)}};
  ASSERT_TRUE(cluster.raw(1).ProposeConfChange(change).ok());
  const Index last = cluster.raw(1).last_index();
  EXPECT_EQ(cluster.raw(1).ProposeConfChange(change).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cluster.raw(1).last_index(), last);  // Refused, not blanked.
  cluster.drop = [](const Message& m) { return m.to == PeerId(4); };
  cluster.Settle();
  EXPECT_EQ(cluster.raw(3).conf_state().learners, std::vector<PeerId>{PeerId(4)});
  change.steps = {{ConfChangeStep::Type::kRemove, PeerId(1)},
                  {ConfChangeStep::Type::kRemove, PeerId(2)},
                  {ConfChangeStep::Type::kRemove, PeerId(3)}};
  EXPECT_EQ(cluster.raw(1).ProposeConfChange(change).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cluster.raw(1).ProposeConfChange(ConfChange()).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(RawNodeTest, AnswersOfStrangersAreNotFound) {
  MiniCluster cluster(3, Config());
  cluster.Elect(1);
  Message message{.from = PeerId(9), .to = PeerId(1), .term = Term(99), .body = AppendResponse{}};
  EXPECT_EQ(cluster.raw(1).Step(message).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(cluster.raw(1).term(), Term(1));
}

TEST(RawNodeTest, AReadIsAnsweredByAQuorumsHeartbeats) {
  MiniCluster cluster(3, Config());
  EXPECT_EQ(cluster.raw(1).ReadIndex(ReadId(1)).code(), absl::StatusCode::kFailedPrecondition);
  cluster.Elect(1);
  ASSERT_TRUE(cluster.raw(1).ReadIndex(ReadId(2)).ok());
  cluster.Settle();
  ASSERT_EQ(cluster.node(1).reads.size(), 1u);
  EXPECT_EQ(cluster.node(1).reads[0].index, Index(1));
  // A follower asks its leader.
  ASSERT_TRUE(cluster.raw(2).ReadIndex(ReadId(3)).ok());
  cluster.Settle();
  ASSERT_EQ(cluster.node(2).reads.size(), 1u);
  EXPECT_EQ(cluster.node(2).reads[0].read_id, ReadId(3));
  // Alone, a leader proves nothing.
  cluster.Isolate({1});
  ASSERT_TRUE(cluster.raw(1).ReadIndex(ReadId(4)).ok());
  cluster.Settle();
  EXPECT_EQ(cluster.node(1).reads.size(), 1u);
}

// Two followers may use the same id for different reads.
TEST(RawNodeTest, ReadsOfDifferentPeersDoNotMix) {
  MiniCluster cluster(3, Config());
  cluster.Elect(1);
  ASSERT_TRUE(cluster.raw(2).ReadIndex(ReadId(7)).ok());
  ASSERT_TRUE(cluster.raw(3).ReadIndex(ReadId(7)).ok());
  cluster.Settle();
  EXPECT_EQ(cluster.node(2).reads.size(), 1u);
  EXPECT_EQ(cluster.node(3).reads.size(), 1u);
}

TEST(RawNodeTest, ReadsAreDroppedWithTheLeadership) {
  MiniCluster cluster(3, Config());
  cluster.Elect(1);
  cluster.Isolate({1});
  ASSERT_TRUE(cluster.raw(1).ReadIndex(ReadId(5)).ok());
  cluster.Settle();
  // Check-quorum ends the leadership of who hears nobody.
  for (int i = 0; i < 20; ++i) cluster.raw(1).Tick();
  cluster.Settle();
  EXPECT_NE(cluster.raw(1).role(), Role::kLeader);
  EXPECT_THAT(cluster.node(1).dropped, ElementsAre(ReadId(5)));
}

TEST(RawNodeTest, ReadsThatWaitForProofAreBounded) {
  MiniCluster cluster(3, Config());
  cluster.Elect(1);
  cluster.Isolate({1});
  constexpr uint64_t kAsked = 3 * ReadIndexQueue::kMaxWaiting;
  for (uint64_t i = 1; i <= kAsked; ++i) ASSERT_TRUE(cluster.raw(1).ReadIndex(ReadId(i)).ok());
  cluster.Settle();
  // Those that found no room were told so.
  EXPECT_EQ(cluster.node(1).dropped.size(), kAsked - ReadIndexQueue::kMaxWaiting);
  // What followers ask is as if lost.
  const Message asks{
      .from = PeerId(2), .to = PeerId(1), .term = Term(0), .body = ReadIndexRequest{ReadId(1)}};
  ASSERT_TRUE(cluster.raw(1).Step(asks).ok());
  cluster.Isolate({});
  cluster.TickAll(3);
  EXPECT_EQ(cluster.node(1).reads.size(), ReadIndexQueue::kMaxWaiting);
  EXPECT_TRUE(cluster.node(2).reads.empty());
  ASSERT_TRUE(cluster.raw(1).ReadIndex(ReadId(kAsked + 1)).ok());
  cluster.Settle();
  EXPECT_EQ(cluster.node(1).reads.size(), ReadIndexQueue::kMaxWaiting + 1);
}

TEST(RawNodeTest, AForwardedReadWithoutAnAnswerIsDroppedInTime) {
  Config config;
  MiniCluster cluster(3, config);
  cluster.Elect(1);
  cluster.drop = [](const Message& m) { return std::holds_alternative<ReadIndexResponse>(m.body); };
  ASSERT_TRUE(cluster.raw(2).ReadIndex(ReadId(6)).ok());
  cluster.TickAll(config.election_timeout_ticks - 1);
  EXPECT_TRUE(cluster.node(2).dropped.empty());
  cluster.TickAll(1);
  EXPECT_THAT(cluster.node(2).dropped, ElementsAre(ReadId(6)));
  EXPECT_TRUE(cluster.node(2).reads.empty());
}

TEST(RawNodeTest, HeartbeatRoundsCountAQuorumOfVoters) {
  Config config;
  MiniCluster cluster(3, config);
  cluster.Elect(1);
  EXPECT_EQ(cluster.raw(1).QuorumHeartbeatRound(), 0u);
  cluster.raw(1).Tick();
  EXPECT_EQ(cluster.raw(1).HeartbeatRound(), 1u);
  EXPECT_EQ(cluster.raw(1).QuorumHeartbeatRound(), 0u);
  cluster.Isolate({3});
  cluster.Settle();
  EXPECT_EQ(cluster.raw(1).QuorumHeartbeatRound(), 1u);
  // A learner that answers does not count.
  cluster.Isolate({});
  ConfChange demote;
  demote.steps = {{ConfChangeStep::Type::kAddLearner, PeerId(3)}};
  ASSERT_TRUE(cluster.raw(1).ProposeConfChange(demote).ok());
  cluster.Settle();
  cluster.Isolate({2});
  const uint64_t before = cluster.raw(1).QuorumHeartbeatRound();
  cluster.raw(1).Tick();
  cluster.Settle();
  EXPECT_EQ(cluster.raw(1).QuorumHeartbeatRound(), before);
}

TEST(RawNodeTest, WhoToldAPeerToCampaignClaimsNoLease) {
  Config config;
  MiniCluster cluster(3, config);
  cluster.Elect(1);
  cluster.TickAll(2);
  EXPECT_GT(cluster.raw(1).QuorumHeartbeatRound(), 0u);
  cluster.drop = [](const Message& m) { return std::holds_alternative<TimeoutNow>(m.body); };
  cluster.raw(1).TransferLeadership(PeerId(2));
  cluster.Settle();
  EXPECT_EQ(cluster.raw(1).QuorumHeartbeatRound(), 0u);
  cluster.TickAll(2 * config.election_timeout_ticks);
  EXPECT_EQ(cluster.raw(1).role(), Role::kLeader);
  EXPECT_EQ(cluster.raw(1).lead_transferee(), PeerId(0));
  // The lost message might still arrive.
  EXPECT_EQ(cluster.raw(1).QuorumHeartbeatRound(), 0u);
}

TEST(RawNodeTest, VotesAreHeldOffAfterARestart) {
  Config config;
  config.pre_vote = false;
  config.vote_hold_off_ticks = config.election_timeout_ticks;
  MiniCluster cluster(3, config);
  auto grants = [&cluster](bool transfer) {
    cluster.raw(2)
        .Step({.from = PeerId(3),
               .to = PeerId(2),
               .term = Term(5),
               .body = VoteRequest{.pre_vote = false,
                                   .last = {Term(4), Index(9)},
                                   .leadership_transfer = transfer,
                                   .commit = {}}})
        .IgnoreError();
    return cluster.raw(2).Status().hard_state.vote == PeerId(3);
  };
  EXPECT_FALSE(grants(false));
  EXPECT_EQ(cluster.raw(2).term(), Term(0));
  for (uint32_t i = 1; i < config.vote_hold_off_ticks; ++i) cluster.raw(2).Tick();
  EXPECT_FALSE(grants(false));
  cluster.raw(2).Tick();
  cluster.Restart(2);
  EXPECT_FALSE(grants(false));
  EXPECT_TRUE(grants(true));
}

// Two followers notice their leader's death in the same moment: each would grant the other's
// pre-vote, and then vote for itself.
TEST(RawNodeTest, OfTwoPreCandidatesThatMeetOneIsElected) {
  MiniCluster cluster(3, Config());
  cluster.Elect(3);
  cluster.Isolate({3});
  for (uint32_t i = 0; i < Config().election_timeout_ticks; ++i) {
    cluster.raw(1).Tick();
    cluster.raw(2).Tick();
    cluster.Forget();
  }
  const Term term = cluster.raw(1).term();
  ASSERT_TRUE(cluster.raw(1).Campaign().ok());
  ASSERT_TRUE(cluster.raw(2).Campaign().ok());
  cluster.Settle();
  EXPECT_EQ(cluster.raw(2).role(), Role::kLeader);
  EXPECT_EQ(cluster.raw(1).leader(), PeerId(2));
  EXPECT_EQ(cluster.raw(2).term(), Term(term.value() + 1));
}

TEST(RawNodeTest, OfTwoPreCandidatesThatMeetTheNewerLogWins) {
  MiniCluster cluster(3, Config());
  cluster.Elect(3);
  cluster.Isolate({2});
  ASSERT_TRUE(cluster.raw(3).Propose({Bytes("only 1 has it")}).ok());
  cluster.Settle();
  for (uint32_t i = 0; i < Config().election_timeout_ticks; ++i) {
    cluster.raw(1).Tick();
    cluster.raw(2).Tick();
    cluster.Forget();
  }
  cluster.Isolate({3});
  ASSERT_TRUE(cluster.raw(1).Campaign().ok());
  ASSERT_TRUE(cluster.raw(2).Campaign().ok());
  cluster.Settle();
  EXPECT_EQ(cluster.raw(1).role(), Role::kLeader);
}

// The story at Config::commit_by_vote: 2 demotes itself and steps down; only it knows that this is
// committed, and its log is longer than that of 1, who would need its vote.
TEST(RawNodeTest, ADemotedLeadersFollowersHearOfTheCommit) {
  Config config;
  config.check_quorum = false;
  MiniCluster cluster(2, config);
  cluster.Elect(2);
  ConfChange demote;
  demote.transition = ConfChange::Transition::kImplicit;
  demote.steps = {{ConfChangeStep::Type::kAddLearner, PeerId(2)}};
  ASSERT_TRUE(cluster.raw(2).ProposeConfChange(demote).ok());
  // 1 acknowledges the entry that leaves the joint state, but hears no more after it.
  bool cut = false;
  cluster.drop = [&cut](const Message& m) {
    const auto* append = std::get_if<AppendRequest>(&m.body);
    if (append != nullptr && !append->entries.empty() && append->entries.back().data.empty() &&
        append->entries.back().type == EntryType::kConfChange) {
      cut = true;
      return false;
    }
    return cut && m.from == PeerId(2);
  };
  cluster.Settle();
  ASSERT_TRUE(cut);
  ASSERT_EQ(cluster.raw(2).role(), Role::kFollower);
  ASSERT_FALSE(cluster.raw(1).conf_state().voters_outgoing.empty());
  cut = false;
  cluster.drop = [](const Message&) { return false; };
  cluster.TickAll(4 * config.election_timeout_ticks);
  EXPECT_EQ(cluster.raw(1).role(), Role::kLeader);
  EXPECT_TRUE(cluster.raw(1).conf_state().voters_outgoing.empty());
}

TEST(RawNodeTest, AConfChangeThatASnapshotOvertookChangesNothing) {
  Config config;
  config.id = PeerId(4);
  scenario::MemoryLog log([](PeerId, Index) { return absl::UnavailableError(""); });
  auto node = *RawNode::Create(config, {}, {}, Index(0), &log);
  Snapshot snapshot;
  snapshot.meta.index = Index(20);
  snapshot.meta.term = Term(3);
  snapshot.meta.conf_state.voters = {PeerId(1), PeerId(4)};
  ASSERT_TRUE(node->Step({.from = PeerId(1),
                          .to = PeerId(4),
                          .term = Term(3),
                          .body = InstallSnapshot{snapshot}})
                  .ok());
  ConfChange change;
  change.steps = {{ConfChangeStep::Type::kAddVoter, PeerId(4)}};
  EXPECT_EQ(node->ApplyConfChange(change, Index(12)), snapshot.meta.conf_state);
  change.steps = {{ConfChangeStep::Type::kAddLearner, PeerId(9)}};
  EXPECT_EQ(node->ApplyConfChange(change, Index(21)).learners, std::vector<PeerId>{PeerId(9)});
}

// Config::durable_vote_requests: a request speaks of a term and a log that a crash must not undo. A
// pre-vote promises nothing and need not wait.
TEST(RawNodeTest, RequestsForVotesWaitForTheirWrite) {
  auto leaves_with_the_write = [](bool pre_vote, bool durable) {
    Config config;
    config.pre_vote = pre_vote;
    config.durable_vote_requests = durable;
    MiniCluster cluster(3, config);
    EXPECT_TRUE(cluster.raw(1).Campaign().ok());
    const Ready ready = cluster.raw(1).TakeReady();
    size_t waiting = 0;
    for (const Message& message : ready.append.messages) {
      if (std::holds_alternative<VoteRequest>(message.body)) ++waiting;
    }
    EXPECT_EQ(waiting + ready.messages.size(), 2u);
    return waiting == 2;
  };
  EXPECT_TRUE(leaves_with_the_write(false, true));
  EXPECT_FALSE(leaves_with_the_write(false, false));
  EXPECT_FALSE(leaves_with_the_write(true, true));
}

TEST(RawNodeTest, WhatWasAppliedIsNotHandedOutAgain) {
  MiniCluster cluster(1, Config());
  cluster.Elect(1);
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("a"), Bytes("b")}).ok());
  cluster.Settle();
  ASSERT_EQ(cluster.node(1).entries.size(), 3u);
  cluster.Restart(1);
  cluster.Elect(1);
  EXPECT_EQ(cluster.node(1).entries.size(), 4u);
  EXPECT_EQ(cluster.node(1).entries.back().term, Term(2));
}

// Nobody can hold more of a term's log than the leader that wrote it.
TEST(RawNodeTest, AnAnswerBeyondTheLogIsIgnored) {
  MiniCluster cluster(3, Config{});
  cluster.Elect(1);
  cluster.Isolate({1});
  RawNode& leader = cluster.raw(1);
  const Index last = leader.last_index();
  ASSERT_TRUE(leader.Step({PeerId(2), PeerId(1), leader.term(), AppendResponse{last + 5}}).ok());
  EXPECT_EQ(leader.Status().progress[PeerId(2)].match, last);
  // It would have counted as a copy of this.
  ASSERT_TRUE(leader.Propose({Bytes("x")}).ok());
  cluster.Settle();
  EXPECT_EQ(leader.commit(), last);
}

// Believed, it would confirm this leader and its lease for ever.
TEST(RawNodeTest, AnAnswerToARoundThatIsStillToComeIsIgnored) {
  MiniCluster cluster(3, Config{});
  cluster.Elect(1);
  cluster.TickAll(1);
  cluster.Isolate({1});
  RawNode& leader = cluster.raw(1);
  const uint64_t round = leader.HeartbeatRound();
  ASSERT_TRUE(
      leader.Step({PeerId(2), PeerId(1), leader.term(), HeartbeatResponse{round + 3}}).ok());
  cluster.TickAll(2);
  EXPECT_EQ(leader.QuorumHeartbeatRound(), round);
}

TEST(RawNodeTest, AForwardedProposalIsTakenOnlyWhereTheyAreForwarded) {
  const auto forward = [](bool forwards, std::vector<Entry> entries) {
    Config config;
    config.forward_proposals = forwards;
    MiniCluster cluster(3, config);
    cluster.Elect(1);
    return cluster.raw(1).Step(
        {PeerId(2), PeerId(1), Term(0), ForwardedProposal{std::move(entries)}});
  };
  EXPECT_TRUE(forward(true, {Entry{}}).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(forward(false, {Entry{}})));
  EXPECT_TRUE(absl::IsInvalidArgument(forward(true, {})));
}

}  // namespace
}  // namespace flotilla::raft
