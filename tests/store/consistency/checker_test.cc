#include "store/consistency/checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/base/check.h"
#include "common/errors/region_error.h"
#include "store/kv/command.h"

namespace flotilla::store {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Groups that apply what is proposed, and replicas that answer as they are told.
class CheckerTest : public ::testing::Test, private Replicator {
 protected:
  struct Outcome {
    bool done = false;
    absl::StatusOr<Comparison> result = absl::UnknownError("not yet");
  };

  CheckerTest() { AddRegion(7); }

  void AddRegion(uint64_t id) {
    metapb::Region meta;
    meta.set_id(id);
    meta.set_start_key("k" + std::to_string(id));
    meta.set_end_key("k" + std::to_string(id) + "z");
    meta.mutable_region_epoch()->set_version(3);
    for (uint64_t store = 1; store <= 3; ++store) {
      metapb::Peer* peer = meta.add_peers();
      peer->set_id(10 * id + store);
      peer->set_store_id(store);
    }
    auto published = std::make_shared<PublishedPeer>();
    published->leader = 10 * id + 1;
    index_.Put({std::make_shared<const RegionView>(
        RegionView{Region(meta), meta.peers(0), std::move(published)})});
  }
  void Check(uint64_t region, Outcome& outcome) {
    checker_.Check(RegionId(region), env::Instant::max(),
                   [&outcome](absl::StatusOr<Comparison> result) {
                     outcome.done = true;
                     outcome.result = std::move(result);
                   });
    Run();
  }
  void Run() {
    for (int i = 0; i < 5; ++i) checker_.RunOnce();
  }
  void RunFor(env::Duration time) {
    for (const env::Instant end = clock_.Now() + time; clock_.Now() < end;) {
      clock_.Advance(seconds(1));
      Run();
    }
  }

  env::ManualClock clock_;
  RegionIndex index_;
  metrics::Registry metrics_;
  std::vector<Comparison> published_;
  absl::Status publish_status_;
  ConsistencyChecker checker_{
      {.interval = hours(1), .timeout = minutes(5)},
      {.store_id = StoreId(1),
       .index = &index_,
       .replicator = this,
       .clock = &clock_,
       .metrics = &metrics_},
      env::Random(1),
      [this](const Comparison& comparison, ConsistencyChecker::Published done) {
        published_.push_back(comparison);
        std::move(done)(publish_status_);
      }};

  // What the stores hold; a store without an entry does not answer.
  std::map<uint64_t, uint64_t> hashes_ = {{1, 5}, {2, 5}, {3, 5}};
  absl::Status refuse_;
  std::vector<uint64_t> proposed_;  // Regions.
  // Runs behind each proposal.
  std::function<void()> after_;

 private:
  void Propose(RegionId region_id, multiraft::Proposal proposal) override {
    proposed_.push_back(region_id.value());
    EXPECT_TRUE(proposal.own_entry);
    if (!refuse_.ok()) return std::move(proposal.callback)(refuse_);
    std::string_view command = proposal.command;
    const auto header = TakeCommandHeader(command);
    CHECK_OK(header.status());
    EXPECT_EQ(header->kind, CommandKind::kComputeHash);
    const auto compute = DecodeComputeHash(command);
    CHECK_OK(compute.status());
    const Index at(proposed_.size() + 100);
    const RegionViewPtr view = index_.Find(region_id);
    for (const metapb::Peer& peer : view->region.meta().peers()) {
      const auto hash = hashes_.find(peer.store_id());
      if (hash == hashes_.end()) continue;
      const HashReport report{compute->check_id, at, hash->second != 0, hash->second, 3};
      if (peer.store_id() == 1) {
        checker_.OnOwnReport(
            {{region_id, PeerId(peer.id()), StoreId(1)}, view->region, at, *compute, nullptr},
            report);
      } else {
        checker_.OnReport(PeerId(peer.id()), report);
      }
    }
    std::move(proposal.callback)(multiraft::Applied{{Term(6), at}, ""});
    if (after_) after_();
  }
  void Read(RegionId, multiraft::ReadRequest) override { FAIL(); }
};

TEST_F(CheckerTest, EqualReplicas) {
  Outcome outcome;
  Check(7, outcome);
  ASSERT_TRUE(outcome.done && outcome.result.ok()) << outcome.result.status();
  EXPECT_EQ(outcome.result->agreement, Agreement::kEqual);
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(published_[0].agreement, Agreement::kEqual);
}

TEST_F(CheckerTest, ADifferenceIsBelievedWhenItIsSeenTwice) {
  hashes_[2] = 6;
  Outcome outcome;
  Check(7, outcome);
  EXPECT_FALSE(outcome.done);
  EXPECT_EQ(proposed_.size(), 1u);
  RunFor(seconds(6));
  ASSERT_TRUE(outcome.done && outcome.result.ok()) << outcome.result.status();
  EXPECT_EQ(proposed_.size(), 2u);
  EXPECT_EQ(outcome.result->agreement, Agreement::kDiffers);
  EXPECT_EQ(outcome.result->replicas[1].verdict, ReplicaVerdict::kDiffers);
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(published_[0].agreement, Agreement::kDiffers);
}

TEST_F(CheckerTest, ADifferenceThatIsGoneIsNone) {
  hashes_[2] = 6;
  after_ = [this] { hashes_[2] = 5; };
  Outcome outcome;
  Check(7, outcome);
  RunFor(seconds(6));
  ASSERT_TRUE(outcome.done && outcome.result.ok());
  EXPECT_EQ(outcome.result->agreement, Agreement::kEqual);
}

TEST_F(CheckerTest, ADifferenceStandsWhenItCannotBeLookedAtAgain) {
  for (const bool silent : {false, true}) {
    hashes_ = {{1, 5}, {2, 6}, {3, 5}};
    refuse_ = absl::OkStatus();
    after_ = [&] {
      if (silent) {
        hashes_.erase(2);
      } else {
        refuse_ = errors::NotLeader(RegionId(7), nullptr);
      }
    };
    Outcome outcome;
    Check(7, outcome);
    RunFor(minutes(6));
    ASSERT_TRUE(outcome.done && outcome.result.ok()) << outcome.result.status();
    EXPECT_EQ(outcome.result->agreement, Agreement::kDiffers);
  }
}

TEST_F(CheckerTest, WhoDoesNotAnswerInTimeWasNotCompared) {
  hashes_.erase(3);
  Outcome outcome;
  Check(7, outcome);
  RunFor(minutes(4));
  EXPECT_FALSE(outcome.done);
  RunFor(minutes(2));
  ASSERT_TRUE(outcome.done && outcome.result.ok());
  EXPECT_EQ(outcome.result->agreement, Agreement::kIncomplete);
  EXPECT_EQ(outcome.result->replicas[2].verdict, ReplicaVerdict::kNotCompared);
}

TEST_F(CheckerTest, WhoHasNoTimeDoesNotHoldItUp) {
  hashes_[3] = 0;
  Outcome outcome;
  Check(7, outcome);
  ASSERT_TRUE(outcome.done && outcome.result.ok());
  EXPECT_EQ(outcome.result->agreement, Agreement::kIncomplete);
}

TEST_F(CheckerTest, Refusals) {
  Outcome unknown;
  Check(99, unknown);
  EXPECT_TRUE(unknown.done && !unknown.result.ok());
  refuse_ = errors::NotLeader(RegionId(7), nullptr);
  Outcome outcome;
  Check(7, outcome);
  ASSERT_TRUE(outcome.done);
  EXPECT_EQ(outcome.result.status(), refuse_);
  EXPECT_TRUE(published_.empty());
}

TEST_F(CheckerTest, WhoWaitsHearsThatTheStoreStops) {
  hashes_.erase(3);
  Outcome outcome;
  Check(7, outcome);
  checker_.Stop();
  ASSERT_TRUE(outcome.done);
  EXPECT_TRUE(absl::IsUnavailable(outcome.result.status()));
}

TEST_F(CheckerTest, TooManyAtATime) {
  hashes_.erase(3);
  std::vector<Outcome> outcomes(ConsistencyChecker::kMaxRounds + 1);
  for (Outcome& outcome : outcomes) Check(7, outcome);
  EXPECT_FALSE(outcomes.front().done);
  ASSERT_TRUE(outcomes.back().done);
  EXPECT_FALSE(outcomes.back().result.ok());
}

TEST_F(CheckerTest, EachRegionThatItLeadsOnceInAWhile) {
  AddRegion(8);
  AddRegion(9);
  // Led elsewhere.
  index_.Find(RegionId(9))->peer->leader = 92;
  RunFor(hours(1) + minutes(1));
  EXPECT_EQ((std::set<uint64_t>(proposed_.begin(), proposed_.end())), (std::set<uint64_t>{7, 8}));
  RunFor(hours(9));
  EXPECT_GE(std::count(proposed_.begin(), proposed_.end(), 7), 9);
  EXPECT_LE(std::count(proposed_.begin(), proposed_.end(), 7), 11);
}

TEST_F(CheckerTest, OneAfterTheOther) {
  for (uint64_t id = 10; id < 40; ++id) AddRegion(id);
  hashes_.erase(3);
  RunFor(minutes(30));
  // Each waits five minutes for store 3.
  EXPECT_LE(proposed_.size(), 7u);
  EXPECT_GE(proposed_.size(), 4u);
}

TEST_F(CheckerTest, PdIsToldUntilItHears) {
  publish_status_ = absl::UnavailableError("no leader");
  Outcome outcome;
  Check(7, outcome);
  RunFor(seconds(10));
  EXPECT_GE(published_.size(), 5u);
  publish_status_ = absl::OkStatus();
  RunFor(seconds(3));
  const size_t told = published_.size();
  RunFor(seconds(10));
  EXPECT_EQ(published_.size(), told);
}

}  // namespace
}  // namespace flotilla::store
