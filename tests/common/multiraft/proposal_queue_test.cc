#include "common/multiraft/proposal_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "common/errors/region_error.h"

namespace flotilla::multiraft {
namespace {

class ProposalQueueTest : public ::testing::Test {
 protected:
  PendingEntry Entry(uint64_t term, uint64_t index, const std::string& name,
                     env::Instant deadline = env::Instant::max()) {
    PendingEntry entry{.at = {Term(term), Index(index)}, .waiters = {}};
    entry.waiters.push_back({deadline, [this, name](absl::StatusOr<Applied> result) {
                               EXPECT_FALSE(outcomes_.contains(name)) << name;
                               outcomes_[name] = result.status();
                             }});
    return entry;
  }
  bool Failed(const std::string& name) {
    return outcomes_.contains(name) && !errors::IsUndetermined(outcomes_[name]) &&
           !outcomes_[name].ok();
  }
  bool Undetermined(const std::string& name) {
    return outcomes_.contains(name) && errors::IsUndetermined(outcomes_[name]);
  }

  std::map<std::string, absl::Status> outcomes_;
};

TEST_F(ProposalQueueTest, HandsOutTheWaitersOfACommittedEntry) {
  ProposalQueue queue;
  queue.Add(Entry(2, 10, "a"));
  EXPECT_FALSE(queue.TakeCommitted({Term(2), Index(9)}).has_value());
  auto taken = queue.TakeCommitted({Term(2), Index(10)});
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(outcomes_.empty());
  taken->Answer(absl::CancelledError());
  EXPECT_EQ(outcomes_.size(), 1u);
}

TEST_F(ProposalQueueTest, AnEntryOfAnotherTermAtItsPlaceMeansFailure) {
  ProposalQueue queue;
  queue.Add(Entry(2, 10, "a"));
  queue.Add(Entry(2, 11, "b"));
  EXPECT_FALSE(queue.TakeCommitted({Term(3), Index(10)}).has_value());
  EXPECT_TRUE(Failed("a"));
  EXPECT_FALSE(outcomes_.contains("b")) << "nothing is known of b yet";
}

TEST_F(ProposalQueueTest, ALeaderOfALaterTermReplacesItsOwnOldProposals) {
  ProposalQueue queue;
  queue.Add(Entry(2, 10, "a"));
  queue.Add(Entry(2, 11, "b"));
  queue.Add(Entry(2, 12, "c"));
  queue.Add(Entry(5, 11, "d"));
  EXPECT_TRUE(Failed("b"));
  EXPECT_TRUE(Failed("c"));
  EXPECT_FALSE(outcomes_.contains("a"));
  EXPECT_EQ(queue.size(), 2u);
}

TEST_F(ProposalQueueTest, ASnapshotLeavesWhatItCoversUndetermined) {
  ProposalQueue queue;
  queue.Add(Entry(2, 10, "a"));
  queue.Add(Entry(2, 20, "b"));
  queue.OnSnapshot(Index(15));
  EXPECT_TRUE(Undetermined("a"));
  EXPECT_FALSE(outcomes_.contains("b"));
}

TEST_F(ProposalQueueTest, ADeadlineLeavesItUndeterminedAndKeepsThePlaceOfOthers) {
  ProposalQueue queue;
  const env::Instant now{std::chrono::seconds(5)};
  PendingEntry entry = Entry(2, 10, "early", now);
  PendingEntry other = Entry(2, 10, "late");
  entry.waiters.push_back(std::move(other.waiters[0]));
  queue.Add(std::move(entry));
  queue.Expire(now - std::chrono::nanoseconds(1));
  EXPECT_TRUE(outcomes_.empty());
  queue.Expire(now);
  EXPECT_TRUE(Undetermined("early"));
  auto taken = queue.TakeCommitted({Term(2), Index(10)});
  ASSERT_TRUE(taken.has_value());
  ASSERT_EQ(taken->waiters.size(), 2u) << "waiters stay in the order of their commands";
  EXPECT_FALSE(taken->waiters[0].callback);
  EXPECT_TRUE(taken->waiters[1].callback);
}

TEST_F(ProposalQueueTest, WhoStillWaitsAtTheEndIsToldUndetermined) {
  {
    ProposalQueue queue;
    queue.Add(Entry(2, 10, "a"));
  }
  EXPECT_TRUE(Undetermined("a"));
}

}  // namespace
}  // namespace flotilla::multiraft
