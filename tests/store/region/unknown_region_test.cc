#include "store/region/unknown_region.h"

#include <gtest/gtest.h>

namespace flotilla::store {
namespace {

net::Envelope Envelope(raft::MessageBody body, uint64_t to = 5, uint64_t conf_ver = 3) {
  net::Envelope envelope;
  envelope.region_id = RegionId(1);
  envelope.from_store = StoreId(2);
  envelope.epoch.conf_ver = conf_ver;
  envelope.message.from = PeerId(4);
  envelope.message.to = PeerId(to);
  envelope.message.body = std::move(body);
  return envelope;
}

RegionState Tombstone(uint64_t peer, uint64_t conf_ver) {
  RegionState state{RegionState::Kind::kTombstone, PeerId(peer), {}};
  state.region.set_id(1);
  state.region.mutable_region_epoch()->set_conf_ver(conf_ver);
  return state;
}

const MessageContext kHint = RangeHint{{"a", "b"}};

TEST(UnknownRegionTest, APeerIsCreatedWhereTheRangeIsFree) {
  EXPECT_EQ(DecideUnknown(Envelope(raft::Heartbeat{}), kHint, nullptr, false),
            UnknownRegionAction::kCreatePeer);
  EXPECT_EQ(DecideUnknown(Envelope(raft::Heartbeat{}), kHint, nullptr, true),
            UnknownRegionAction::kDrop);
  EXPECT_EQ(DecideUnknown(Envelope(raft::VoteRequest{}), kHint, nullptr, true),
            UnknownRegionAction::kKeepVote);
  EXPECT_EQ(DecideUnknown(Envelope(raft::AppendRequest{}), MessageContext(), nullptr, false),
            UnknownRegionAction::kDrop);
}

TEST(UnknownRegionTest, ATombstoneIsNotRaisedAgain) {
  const RegionState tombstone = Tombstone(5, 8);
  EXPECT_EQ(DecideUnknown(Envelope(raft::Heartbeat{}, 5), kHint, &tombstone, false),
            UnknownRegionAction::kDrop);
  EXPECT_EQ(DecideUnknown(Envelope(raft::Heartbeat{}, 6, 9), kHint, &tombstone, false),
            UnknownRegionAction::kCreatePeer)
      << "a later peer of the region";
  EXPECT_EQ(DecideUnknown(Envelope(raft::VoteRequest{}, 5, 3), kHint, &tombstone, false),
            UnknownRegionAction::kTellRemoved);
  EXPECT_EQ(DecideUnknown(Envelope(raft::VoteRequest{}, 5, 9), kHint, &tombstone, false),
            UnknownRegionAction::kDrop)
      << "the sender knows more than we do";
}

TEST(UnknownRegionTest, ATombstoneTellsAMemberWhatItKnowsToBeCommitted) {
  RegionState tombstone = Tombstone(5, 8);
  tombstone.region.add_peers()->set_id(4);
  const net::Envelope request = Envelope(raft::VoteRequest{}, 5, 3);
  EXPECT_EQ(DecideUnknown(request, kHint, &tombstone, false), UnknownRegionAction::kDrop)
      << "it did not apply its removal itself";
  tombstone.removed_at = {Term(7), Index(70)};
  EXPECT_EQ(DecideUnknown(request, kHint, &tombstone, false), UnknownRegionAction::kTellCommitted);
  EXPECT_EQ(DecideUnknown(Envelope(raft::Heartbeat{}, 5, 3), kHint, &tombstone, false),
            UnknownRegionAction::kDrop);
  EXPECT_EQ(DecideUnknown(Envelope(raft::VoteRequest{}, 4, 3), kHint, &tombstone, false),
            UnknownRegionAction::kDrop)
      << "the vote of an earlier peer";
  EXPECT_EQ(DecideUnknown(Envelope(raft::VoteRequest{}, 5, 8), kHint, &tombstone, false),
            UnknownRegionAction::kDrop)
      << "the sender knows it";
}

TEST(PendingVotesTest, VotesAreBoundedInNumberAndAge) {
  PendingVotes votes;
  const env::Instant start{};
  for (size_t i = 0; i < PendingVotes::kMaxVotes + 10; ++i) {
    votes.Keep(Envelope(raft::VoteRequest{}), start);
  }
  EXPECT_EQ(votes.Take(RegionId(2), start).size(), 0u);
  EXPECT_EQ(votes.Take(RegionId(1), start).size(), PendingVotes::kMaxVotes);
  EXPECT_EQ(votes.Take(RegionId(1), start).size(), 0u);
  votes.Keep(Envelope(raft::VoteRequest{}), start);
  EXPECT_EQ(votes.Take(RegionId(1), start + PendingVotes::kMaxAge * 2).size(), 0u);
}

}  // namespace
}  // namespace flotilla::store
