#include "store/operation/conf_change.h"

#include <gtest/gtest.h>

namespace flotilla::store {
namespace {

using Type = raft::ConfChangeStep::Type;

metapb::Peer Peer(uint64_t id, uint64_t store, metapb::PeerRole role = metapb::Voter) {
  metapb::Peer peer;
  peer.set_id(id);
  peer.set_store_id(store);
  peer.set_role(role);
  return peer;
}

Region MakeRegion(std::vector<metapb::Peer> peers) {
  metapb::Region meta;
  meta.set_id(1);
  meta.mutable_region_epoch()->set_conf_ver(5);
  meta.mutable_region_epoch()->set_version(2);
  for (auto& peer : peers) *meta.add_peers() = peer;
  return Region(meta);
}

Region Three() { return MakeRegion({Peer(11, 1), Peer(12, 2), Peer(13, 3)}); }

TEST(ConfChangeTest, ALearnerIsAddedAndPromoted) {
  const auto added =
      ChangeMembers(Three(), MakeConfChange({5, 2}, {{Type::kAddLearner, Peer(14, 4)}}));
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->epoch(), (net::Epoch{6, 2}));
  EXPECT_EQ(added->FindPeer(PeerId(14))->role(), metapb::Learner);
  const auto promoted =
      ChangeMembers(*added, MakeConfChange({6, 2}, {{Type::kAddVoter, Peer(14, 4)}}));
  ASSERT_TRUE(promoted.ok()) << promoted.status();
  EXPECT_EQ(promoted->FindPeer(PeerId(14))->role(), metapb::Voter);
  EXPECT_EQ(promoted->epoch().conf_ver, 7u);
}

TEST(ConfChangeTest, SeveralChangesGoThroughAJointState) {
  const Region region =
      MakeRegion({Peer(11, 1), Peer(12, 2), Peer(13, 3), Peer(14, 4, metapb::Learner)});
  const raft::ConfChange change =
      MakeConfChange({5, 2}, {{Type::kAddVoter, Peer(14, 4)}, {Type::kAddLearner, Peer(13, 3)}});
  EXPECT_EQ(change.transition, raft::ConfChange::Transition::kImplicit);
  const auto joint = ChangeMembers(region, change);
  ASSERT_TRUE(joint.ok()) << joint.status();
  EXPECT_TRUE(joint->InJointState());
  EXPECT_EQ(joint->epoch().conf_ver, 7u);
  EXPECT_EQ(joint->FindPeer(PeerId(13))->role(), metapb::DemotingVoter);
  EXPECT_EQ(joint->FindPeer(PeerId(14))->role(), metapb::IncomingVoter);
  EXPECT_FALSE(ChangeMembers(*joint, MakeConfChange({7, 2}, {{Type::kRemove, Peer(13, 3)}})).ok());

  const auto left = ChangeMembers(*joint, raft::ConfChange{});
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_FALSE(left->InJointState());
  EXPECT_EQ(left->epoch().conf_ver, 9u);
  EXPECT_EQ(left->FindPeer(PeerId(13))->role(), metapb::Learner);
  EXPECT_EQ(left->FindPeer(PeerId(14))->role(), metapb::Voter);
  EXPECT_FALSE(ChangeMembers(*left, raft::ConfChange{}).ok());
}

TEST(ConfChangeTest, WhatDoesNotFitIsRefused) {
  const auto refused = [](const Region& region, net::Epoch epoch,
                          const std::vector<PeerChange>& changes) {
    return !ChangeMembers(region, MakeConfChange(epoch, changes)).ok();
  };
  EXPECT_TRUE(refused(Three(), {4, 2}, {{Type::kRemove, Peer(13, 3)}})) << "stale conf_ver";
  EXPECT_FALSE(refused(Three(), {5, 1}, {{Type::kRemove, Peer(13, 3)}}))
      << "a split between does not matter";
  EXPECT_TRUE(refused(Three(), {5, 2}, {{Type::kAddVoter, Peer(14, 3)}})) << "store has a peer";
  EXPECT_TRUE(refused(Three(), {5, 2}, {{Type::kAddVoter, Peer(13, 3)}})) << "voter already";
  EXPECT_TRUE(refused(Three(), {5, 2}, {{Type::kRemove, Peer(15, 5)}})) << "no member";
  EXPECT_TRUE(refused(Three(), {5, 2}, {{Type::kAddLearner, Peer(14, 0)}})) << "on no store";
  EXPECT_TRUE(refused(Three(), {5, 2}, {{Type::kAddLearner, Peer(0, 4)}})) << "without an id";
  EXPECT_TRUE(
      refused(Three(), {5, 2}, {{Type::kAddLearner, Peer(14, 4)}, {Type::kRemove, Peer(13, 3)}}))
      << "voters are not removed by a joint change";
  EXPECT_TRUE(refused(MakeRegion({Peer(11, 1)}), {5, 2}, {{Type::kRemove, Peer(11, 1)}}))
      << "the last voter";
}

}  // namespace
}  // namespace flotilla::store
