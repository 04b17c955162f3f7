// What Ongaro's thesis ("Consensus: Bridging Theory and Practice", 2014) says a server does, by its
// sections.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/common/raft/mini_cluster.h"

namespace flotilla::raft {
namespace {

Config Plain() {
  Config config;
  config.pre_vote = false;
  config.check_quorum = false;
  return config;
}

Message From(uint64_t from, uint64_t term, MessageBody body) {
  return {.from = PeerId(from), .to = PeerId(1), .term = Term(term), .body = std::move(body)};
}

VoteRequest Asks(uint64_t last_term, uint64_t last_index) {
  return {.pre_vote = false,
          .last = {Term(last_term), Index(last_index)},
          .leadership_transfer = false,
          .commit = {}};
}

AppendRequest Appends(EntryId prev, std::vector<EntryId> entries, uint64_t commit) {
  AppendRequest request{.prev = prev, .commit = Index(commit), .entries = {}};
  for (EntryId id : entries) {
    request.entries.push_back(
        {.term = id.term, .index = id.index, .type = EntryType::kNormal, .data = Bytes("x")});
  }
  return request;
}

EntryId Id(uint64_t term, uint64_t index) { return {Term(term), Index(index)}; }

// The body of the last message of that kind that the node would send.
template <typename T>
std::optional<T> Sends(RawNode& node) {
  std::optional<T> found;
  if (!node.HasReady()) return found;
  Ready ready = node.TakeReady();
  for (const auto* list : {&ready.messages, &ready.append.messages}) {
    for (const Message& message : *list) {
      if (const T* body = std::get_if<T>(&message.body)) found = *body;
    }
  }
  return found;
}

// 3.3: "If a server's term is smaller than the other's, it updates its term. If a candidate or
// leader discovers that its term is out of date, it reverts to follower."
TEST(ThesisTest, S3_3_AHigherTermMakesAFollower) {
  MiniCluster cluster(3, Plain());
  cluster.Elect(1);
  ASSERT_TRUE(cluster.raw(1).Step(From(2, 9, HeartbeatResponse{})).ok());
  EXPECT_EQ(cluster.raw(1).role(), Role::kFollower);
  EXPECT_EQ(cluster.raw(1).term(), Term(9));
}

// 3.3: "If a server receives a request with a stale term number, it rejects the request."
TEST(ThesisTest, S3_3_AStaleTermIsIgnored) {
  MiniCluster cluster(3, Plain());
  ASSERT_TRUE(cluster.raw(1).Step(From(2, 5, Heartbeat{})).ok());
  ASSERT_TRUE(cluster.raw(1).Step(From(3, 4, Appends(Id(0, 0), {Id(4, 1)}, 1))).ok());
  EXPECT_EQ(cluster.raw(1).last_index(), Index(0));
  EXPECT_EQ(cluster.raw(1).leader(), PeerId(2));
}

// 3.3: who asks in an old term learns the term, whatever it asks for: nobody else may ever tell it.
TEST(ThesisTest, S3_3_WhoAsksInAnOldTermLearnsTheTerm) {
  MiniCluster cluster(3, Plain());
  ASSERT_TRUE(cluster.raw(1).Step(From(2, 5, Asks(0, 0))).ok());
  ASSERT_TRUE(Sends<VoteResponse>(cluster.raw(1)).has_value());
  ASSERT_TRUE(cluster.raw(1).Step(From(3, 4, Asks(0, 0))).ok());
  const auto refused = Sends<VoteResponse>(cluster.raw(1));
  ASSERT_TRUE(refused.has_value());
  EXPECT_TRUE(refused->rejected);
  ASSERT_TRUE(cluster.raw(1).Step(From(3, 4, Heartbeat{})).ok());
  EXPECT_TRUE(Sends<AppendResponse>(cluster.raw(1)).has_value());
  ASSERT_TRUE(cluster.raw(1).Step(From(3, 4, Appends(Id(0, 0), {Id(4, 1)}, 1))).ok());
  EXPECT_TRUE(Sends<AppendResponse>(cluster.raw(1)).has_value());
  EXPECT_EQ(cluster.raw(1).last_index(), Index(0));
  // And acts on it.
  MiniCluster other(3, Plain());
  ASSERT_TRUE(other.raw(1).Campaign().ok());
  ASSERT_TRUE(other.raw(1).Step(From(2, 5, *refused)).ok());
  EXPECT_EQ(other.raw(1).role(), Role::kFollower);
  EXPECT_EQ(other.raw(1).term(), Term(5));
}

// 3.4: a follower that hears nothing for an election timeout begins an election: it increments its
// term and votes for itself.
TEST(ThesisTest, S3_4_SilenceStartsAnElection) {
  const Config config = Plain();
  MiniCluster cluster(3, config);
  uint32_t ticks = 0;
  for (; cluster.raw(1).role() == Role::kFollower; ++ticks) cluster.raw(1).Tick();
  EXPECT_GE(ticks, config.election_timeout_ticks);
  EXPECT_LT(ticks, 2 * config.election_timeout_ticks);
  EXPECT_EQ(cluster.raw(1).Status().hard_state.vote, PeerId(1));
  EXPECT_EQ(cluster.raw(1).term(), Term(1));
}

// 3.4: election timeouts are drawn from an interval, so that votes are rarely split.
TEST(ThesisTest, S3_4_TimeoutsAreSpread) {
  const Config config = Plain();
  MiniCluster cluster(1, config);
  std::set<uint32_t> seen;
  MiniCluster two(2, config);
  for (int i = 0; i < 100; ++i) {
    uint32_t ticks = 0;
    const Term term = two.raw(1).term();
    for (; two.raw(1).term() == term; ++ticks) two.raw(1).Tick();
    seen.insert(ticks);
  }
  EXPECT_EQ(seen.size(), config.election_timeout_ticks);
}

// 3.4: "Each server will vote for at most one candidate in a given term, on a
// first-come-first-served basis."
TEST(ThesisTest, S3_4_OneVoteATerm) {
  MiniCluster cluster(3, Plain());
  ASSERT_TRUE(cluster.raw(1).Step(From(2, 1, Asks(0, 0))).ok());
  EXPECT_FALSE(Sends<VoteResponse>(cluster.raw(1))->rejected);
  ASSERT_TRUE(cluster.raw(1).Step(From(3, 1, Asks(0, 0))).ok());
  EXPECT_TRUE(Sends<VoteResponse>(cluster.raw(1))->rejected);
  ASSERT_TRUE(cluster.raw(1).Step(From(2, 1, Asks(0, 0))).ok());
  EXPECT_FALSE(Sends<VoteResponse>(cluster.raw(1))->rejected);
}

// 3.4: a candidate that hears of a legitimate leader of its term becomes its follower.
TEST(ThesisTest, S3_4_ACandidateYieldsToTheLeaderOfItsTerm) {
  MiniCluster cluster(3, Plain());
  ASSERT_TRUE(cluster.raw(1).Campaign().ok());
  ASSERT_EQ(cluster.raw(1).role(), Role::kCandidate);
  ASSERT_TRUE(cluster.raw(1).Step(From(2, 1, Heartbeat{})).ok());
  EXPECT_EQ(cluster.raw(1).role(), Role::kFollower);
  EXPECT_EQ(cluster.raw(1).leader(), PeerId(2));
}

// 3.5: "If the follower does not find an entry in its log with the same index and term, then it
// refuses the new entries."
TEST(ThesisTest, S3_5_AppendsAreCheckedForConsistency) {
  MiniCluster cluster(3, Plain());
  ASSERT_TRUE(cluster.raw(1).Step(From(2, 3, Appends(Id(0, 0), {Id(1, 1), Id(2, 2)}, 0))).ok());
  ASSERT_EQ(Sends<AppendResponse>(cluster.raw(1))->index, Index(2));
  ASSERT_TRUE(cluster.raw(1).Step(From(2, 3, Appends(Id(3, 2), {Id(3, 3)}, 0))).ok());
  EXPECT_EQ(Sends<AppendRejection>(cluster.raw(1))->rejected_index, Index(2));
  ASSERT_TRUE(cluster.raw(1).Step(From(2, 3, Appends(Id(3, 5), {Id(3, 6)}, 0))).ok());
  EXPECT_EQ(Sends<AppendRejection>(cluster.raw(1))->rejected_index, Index(5));
  EXPECT_EQ(cluster.raw(1).last_index(), Index(2));
}

// 3.5: "conflicting entries in follower logs will be overwritten with entries from the leader's
// log." Figure 3.6.
TEST(ThesisTest, S3_5_ConflictingEntriesAreOverwritten) {
  MiniCluster cluster(3, Plain());
  RawNode& node = cluster.raw(1);
  ASSERT_TRUE(node.Step(From(2, 2, Appends(Id(0, 0), {Id(1, 1), Id(2, 2), Id(2, 3)}, 0))).ok());
  ASSERT_TRUE(node.Step(From(3, 3, Appends(Id(1, 1), {Id(3, 2)}, 0))).ok());
  EXPECT_EQ(node.last_index(), Index(2));
  EXPECT_EQ(node.TermAt(Index(2)), Term(3));
}

// 3.5: a leader never overwrites or deletes entries in its own log, and an entry is committed once
// it is on a majority.
TEST(ThesisTest, S3_5_AMajorityCommits) {
  MiniCluster cluster(5, Plain());
  cluster.Elect(1);
  cluster.Isolate({4, 5});
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("a")}).ok());
  cluster.Settle();
  EXPECT_EQ(cluster.raw(1).commit(), Index(2));
  cluster.Isolate({3, 4, 5});
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("b")}).ok());
  cluster.Settle();
  EXPECT_EQ(cluster.raw(1).commit(), Index(2));
  EXPECT_EQ(cluster.raw(2).last_index(), Index(3));
}

// 3.6.1: "the voter denies its vote if its own log is more up-to-date than that of the candidate."
TEST(ThesisTest, S3_6_1_VotesGoToLogsThatAreUpToDate) {
  struct Case {
    uint64_t term, index;
    bool granted;
  };
  for (const Case& c : {Case{1, 9, false}, Case{2, 1, false}, Case{2, 2, true}, Case{2, 3, true},
                        Case{3, 1, true}}) {
    MiniCluster cluster(3, Plain());
    RawNode& node = cluster.raw(1);
    ASSERT_TRUE(node.Step(From(2, 2, Appends(Id(0, 0), {Id(1, 1), Id(2, 2)}, 0))).ok());
    ASSERT_TRUE(node.Step(From(3, 5, Asks(c.term, c.index))).ok());
    EXPECT_EQ(!Sends<VoteResponse>(node)->rejected, c.granted) << c.term << "/" << c.index;
  }
}

// 3.6.2 and figure 3.7: "Raft never commits log entries from previous terms by counting replicas."
TEST(ThesisTest, S3_6_2_OlderTermsCommitOnlyBelowAnEntryOfTheLeadersOwn) {
  MiniCluster cluster(3, Plain());
  RawNode& node = cluster.raw(1);
  // An entry of term 1 that is not committed.
  ASSERT_TRUE(node.Step(From(2, 1, Appends(Id(0, 0), {Id(1, 1)}, 0))).ok());
  cluster.drop = [](const Message& m) { return std::holds_alternative<AppendRequest>(m.body); };
  ASSERT_TRUE(node.Campaign().ok());
  cluster.Settle();
  ASSERT_EQ(node.role(), Role::kLeader);
  ASSERT_EQ(node.term(), Term(2));
  ASSERT_TRUE(node.Step(From(3, 2, AppendResponse{Index(1)})).ok());
  EXPECT_EQ(node.commit(), Index(0));  // On two of three, and yet not committed.
  ASSERT_TRUE(node.Step(From(3, 2, AppendResponse{Index(2)})).ok());
  EXPECT_EQ(node.commit(), Index(2));
}

// 3.8: "each server persists its current term and vote": an answer leaves with the write.
TEST(ThesisTest, S3_8_PromisesWaitForTheirWrite) {
  MiniCluster cluster(3, Plain());
  RawNode& node = cluster.raw(1);
  ASSERT_TRUE(node.Step(From(2, 1, Asks(0, 0))).ok());
  Ready ready = node.TakeReady();
  EXPECT_TRUE(ready.messages.empty());
  EXPECT_EQ(ready.append.messages.size(), 1u);
  EXPECT_EQ(ready.append.hard_state, (HardState{Term(1), PeerId(2), Index(0)}));
}

// 3.10: the leader brings the target up to date, and then tells it to start an election.
TEST(ThesisTest, S3_10_LeadershipIsTransferred) {
  MiniCluster cluster(3, Config());
  cluster.Elect(1);
  cluster.Isolate({2});
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("a")}).ok());
  cluster.Settle();
  cluster.Isolate({});
  cluster.raw(1).TransferLeadership(PeerId(2));
  cluster.TickAll(1);
  EXPECT_EQ(cluster.raw(2).role(), Role::kLeader);
  EXPECT_EQ(cluster.raw(2).TermAt(Index(2)), Term(1));
  EXPECT_EQ(cluster.raw(1).role(), Role::kFollower);
}

// A joint state that leaves itself does so too when the leader was to be another one just then.
TEST(ThesisTest, S4_3_AJointStateIsLeftAfterATransferThatFailed) {
  MiniCluster cluster(3, Config());
  cluster.Elect(1);
  ConfChange change;
  change.transition = ConfChange::Transition::kImplicit;
  change.steps = {{ConfChangeStep::Type::kAddLearner, PeerId(3)}};
  ASSERT_TRUE(cluster.raw(1).ProposeConfChange(change).ok());
  cluster.raw(1).TransferLeadership(PeerId(2));
  cluster.drop = [](const Message& m) { return std::holds_alternative<TimeoutNow>(m.body); };
  cluster.Settle();
  ASSERT_EQ(cluster.raw(1).conf_state().voters_outgoing.size(), 3u);
  cluster.TickAll(Config().election_timeout_ticks + 1);
  EXPECT_EQ(cluster.raw(1).role(), Role::kLeader);
  EXPECT_TRUE(cluster.raw(1).conf_state().voters_outgoing.empty());
  EXPECT_EQ(cluster.raw(1).conf_state().learners, std::vector{PeerId(3)});
}

// 4.2.1: new servers are added as learners first, whom commitment does not wait for.
TEST(ThesisTest, S4_2_1_LearnersDoNotCount) {
  MiniCluster cluster(3, Plain());
  cluster.Elect(1);
  ConfChange change;
  change.steps = {{ConfChangeStep::Type::kAddLearner, PeerId(3)}};
  ASSERT_TRUE(cluster.raw(1).ProposeConfChange(change).ok());
  cluster.Settle();
  cluster.Isolate({2});
  const Index before = cluster.raw(1).commit();
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("a")}).ok());
  cluster.Settle();
  EXPECT_EQ(cluster.raw(1).commit(), before);
  EXPECT_EQ(cluster.raw(3).last_index(), cluster.raw(1).last_index());
}

// 4.2.3: "if a server receives a RequestVote request within the minimum election timeout of hearing
// from a current leader, it does not update its term or grant its vote."
TEST(ThesisTest, S4_2_3_WhoHasALeaderIgnoresCandidates) {
  Config config = Plain();
  config.check_quorum = true;
  MiniCluster cluster(3, config);
  cluster.Elect(1);
  ASSERT_TRUE(cluster.raw(2)
                  .Step({.from = PeerId(3), .to = PeerId(2), .term = Term(7), .body = Asks(6, 9)})
                  .ok());
  EXPECT_EQ(cluster.raw(2).term(), Term(1));
  // The leader's own wish is another thing.
  VoteRequest wanted = Asks(6, 9);
  wanted.leadership_transfer = true;
  ASSERT_TRUE(cluster.raw(2)
                  .Step({.from = PeerId(3), .to = PeerId(2), .term = Term(7), .body = wanted})
                  .ok());
  EXPECT_EQ(cluster.raw(2).term(), Term(7));
}

// 4.3: in joint consensus agreement takes majorities of both configurations.
TEST(ThesisTest, S4_3_JointConsensusNeedsBothMajorities) {
  MiniCluster cluster(3, Plain());
  cluster.Elect(1);
  ConfChange change;
  change.transition = ConfChange::Transition::kExplicit;
  change.steps = {{ConfChangeStep::Type::kRemove, PeerId(2)},
                  {ConfChangeStep::Type::kRemove, PeerId(3)}};
  ASSERT_TRUE(cluster.raw(1).ProposeConfChange(change).ok());
  cluster.Settle();
  ASSERT_EQ(cluster.raw(1).conf_state().voters, std::vector<PeerId>{PeerId(1)});
  cluster.Isolate({2, 3});
  const Index before = cluster.raw(1).commit();
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("a")}).ok());
  cluster.Settle();
  EXPECT_EQ(cluster.raw(1).commit(), before);  // A majority of the new one alone.
  cluster.Isolate({3});
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("b")}).ok());
  cluster.TickAll(1);
  EXPECT_GT(cluster.raw(1).commit(), before);
  ASSERT_TRUE(cluster.raw(1).ProposeConfChange(ConfChange()).ok());
  cluster.TickAll(1);
  cluster.Isolate({2, 3});
  const Index joint = cluster.raw(1).commit();
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("c")}).ok());
  cluster.Settle();
  EXPECT_GT(cluster.raw(1).commit(), joint);
}

// 6.2: "a leader steps down if an election timeout elapses without a successful round of
// heartbeats to a majority of its cluster."
TEST(ThesisTest, S6_2_ALeaderWithoutAQuorumStepsDown) {
  Config config = Plain();
  config.check_quorum = true;
  MiniCluster cluster(3, config);
  cluster.Elect(1);
  cluster.Isolate({1});
  for (uint32_t i = 0; i < 2 * config.election_timeout_ticks; ++i) cluster.raw(1).Tick();
  EXPECT_EQ(cluster.raw(1).role(), Role::kFollower);
}

// 6.4: reads wait until the leader has committed an entry of its own term.
TEST(ThesisTest, S6_4_ReadsWaitForTheFirstCommitOfTheTerm) {
  MiniCluster cluster(3, Plain());
  cluster.drop = [](const Message& m) { return std::holds_alternative<AppendResponse>(m.body); };
  cluster.Elect(1);
  ASSERT_TRUE(cluster.raw(1).ReadIndex(ReadId(1)).ok());
  cluster.TickAll(2);
  EXPECT_TRUE(cluster.node(1).reads.empty());
  cluster.drop = [](const Message&) { return false; };
  cluster.TickAll(2);
  ASSERT_EQ(cluster.node(1).reads.size(), 1u);
  EXPECT_GE(cluster.node(1).reads[0].index, Index(1));
}

// 9.6: a server that cannot win does not increase its term.
TEST(ThesisTest, S9_6_PreVoteDisturbsNobody) {
  Config config = Plain();
  config.pre_vote = true;
  MiniCluster cluster(3, config);
  cluster.Elect(1);
  cluster.Isolate({3});
  ASSERT_TRUE(cluster.raw(1).Propose({Bytes("a")}).ok());
  cluster.Settle();
  for (int i = 0; i < 100; ++i) {
    cluster.raw(3).Tick();
    cluster.Settle();
  }
  EXPECT_EQ(cluster.raw(3).term(), Term(1));
  cluster.Isolate({});
  cluster.TickAll(2);
  EXPECT_EQ(cluster.raw(1).role(), Role::kLeader);
  EXPECT_EQ(cluster.raw(1).term(), Term(1));
  EXPECT_EQ(cluster.raw(3).leader(), PeerId(1));
}

// 10.2.1: the leader writes to its own disk in parallel, and an entry may be committed before the
// leader has written it.
TEST(ThesisTest, S10_2_1_FollowersMayCommitBeforeTheLeaderHasWritten) {
  MiniCluster cluster(3, Plain());
  cluster.Elect(1);
  RawNode& leader = cluster.raw(1);
  ASSERT_TRUE(leader.Propose({Bytes("a")}).ok());
  Ready ready = leader.TakeReady();
  EXPECT_EQ(ready.messages.size(), 2u);  // Beside the write.
  EXPECT_EQ(ready.append.entries.size(), 1u);
  for (uint64_t follower : {2, 3}) {
    ASSERT_TRUE(leader.Step(From(follower, 1, AppendResponse{Index(2)})).ok());
  }
  EXPECT_EQ(leader.commit(), Index(2));
  // But it is not handed out for applying yet.
  EXPECT_TRUE(leader.TakeReady().committed.empty());
}

}  // namespace
}  // namespace flotilla::raft
