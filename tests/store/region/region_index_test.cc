#include "store/region/region_index.h"

#include <gtest/gtest.h>

#include "common/errors/region_error.h"
#include "tikv/errorpb.pb.h"

namespace flotilla::store {
namespace {

Region MakeRegion(uint64_t id, std::string start, std::string end, uint64_t version = 1) {
  metapb::Region meta;
  meta.set_id(id);
  meta.set_start_key(start);
  meta.set_end_key(end);
  meta.mutable_region_epoch()->set_conf_ver(1);
  meta.mutable_region_epoch()->set_version(version);
  for (uint64_t store = 1; store <= 3; ++store) {
    metapb::Peer* peer = meta.add_peers();
    peer->set_id(id * 10 + store);
    peer->set_store_id(store);
  }
  return Region(meta);
}

RegionViewPtr View(Region region) {
  const metapb::Peer self = *region.FindPeerOn(StoreId(1));
  return std::make_shared<const RegionView>(
      RegionView{std::move(region), self, std::make_shared<PublishedPeer>()});
}

errorpb::Error ErrorOf(const absl::Status& status) {
  errorpb::Error error;
  EXPECT_TRUE(errors::ToRegionError(status, &error)) << status;
  return error;
}

TEST(RegionTest, ChecksNameWhatIsWrong) {
  const Region region = MakeRegion(7, "b", "d", 5);
  EXPECT_TRUE(region.CheckKey("b").ok());
  EXPECT_TRUE(region.CheckKey("czz").ok());
  const errorpb::Error outside = ErrorOf(region.CheckKey("d"));
  EXPECT_EQ(outside.key_not_in_region().region_id(), 7u);
  EXPECT_EQ(outside.key_not_in_region().end_key(), "d");
  EXPECT_TRUE(region.CheckVersion(5).ok());
  for (const uint64_t version : {4u, 6u}) {
    const errorpb::Error error = ErrorOf(region.CheckVersion(version));
    ASSERT_EQ(error.epoch_not_match().current_regions_size(), 1);
    EXPECT_EQ(error.epoch_not_match().current_regions(0).id(), 7u);
  }
  EXPECT_TRUE(region.CheckEpoch({1, 5}).ok());
  EXPECT_FALSE(region.CheckEpoch({2, 5}).ok());
  EXPECT_TRUE(region.CheckRange({"b", "d"}).ok());
  EXPECT_FALSE(region.CheckRange({"b", ""}).ok());
  EXPECT_FALSE(region.CheckRange({"a", "c"}).ok());
}

TEST(RegionTest, ClipsRanges) {
  const Region region = MakeRegion(7, "b", "d");
  EXPECT_EQ(region.Clip({"", ""}), (KeyRange{"b", "d"}));
  EXPECT_EQ(region.Clip({"c", "z"}), (KeyRange{"c", "d"}));
  EXPECT_TRUE(region.Clip({"x", "z"}).IsEmpty());
  EXPECT_EQ(MakeRegion(1, "", "").Clip({"a", ""}), (KeyRange{"a", ""}));
}

TEST(RegionTest, RolesAreTheRaftConfiguration) {
  metapb::Region meta = MakeRegion(7, "", "").meta();
  meta.mutable_peers(0)->set_role(metapb::DemotingVoter);
  meta.mutable_peers(1)->set_role(metapb::IncomingVoter);
  metapb::Peer* learner = meta.add_peers();
  learner->set_id(74);
  learner->set_store_id(4);
  learner->set_role(metapb::Learner);
  const Region region(meta);
  EXPECT_TRUE(region.InJointState());
  const raft::ConfState state = region.conf_state();
  EXPECT_EQ(state.voters, (std::vector<PeerId>{PeerId(72), PeerId(73)}));
  EXPECT_EQ(state.voters_outgoing, (std::vector<PeerId>{PeerId(71), PeerId(73)}));
  EXPECT_EQ(state.learners, (std::vector<PeerId>{PeerId(74)}));
  EXPECT_EQ(state.learners_next, (std::vector<PeerId>{PeerId(71)}));
  EXPECT_TRUE(state.auto_leave);
}

TEST(RegionIndexTest, FindsByIdAndByKey) {
  RegionIndex index;
  index.Put({View(MakeRegion(1, "", "b")), View(MakeRegion(2, "b", "d"))});
  EXPECT_EQ(index.Find(RegionId(2))->region.range().start, "b");
  EXPECT_EQ(index.Find(RegionId(3)), nullptr);
  EXPECT_EQ(index.FindByKey("a")->region.id(), RegionId(1));
  EXPECT_EQ(index.FindByKey("b")->region.id(), RegionId(2));
  EXPECT_EQ(index.FindByKey("d"), nullptr);
  EXPECT_EQ(index.Overlapping({"a", "c"}).size(), 2u);
  EXPECT_EQ(index.Overlapping({"a", "b"}).size(), 1u);
  EXPECT_EQ(index.Overlapping({"d", ""}).size(), 0u);
  EXPECT_EQ(index.Overlapping({"", ""}, 1).size(), 1u);
  index.Remove(RegionId(1));
  EXPECT_EQ(index.FindByKey("a"), nullptr);
  EXPECT_EQ(index.size(), 1u);
}

TEST(RegionIndexTest, ASplitReplacesTheParentAtOnce) {
  RegionIndex index;
  index.Put({View(MakeRegion(1, "", "", 1))});
  index.Put({View(MakeRegion(1, "m", "", 2)), View(MakeRegion(2, "", "m", 2))});
  EXPECT_EQ(index.FindByKey("a")->region.id(), RegionId(2));
  EXPECT_EQ(index.FindByKey("m")->region.id(), RegionId(1));
  EXPECT_EQ(index.All().size(), 2u);
  const auto siblings = index.WithSiblings(*index.Find(RegionId(1)));
  ASSERT_EQ(siblings.size(), 2u);
  EXPECT_EQ(siblings[0].id(), 2u);
  EXPECT_EQ(siblings[1].id(), 1u);
}

TEST(RegionIndexDeathTest, OverlapsAreProgrammerErrors) {
  RegionIndex index;
  index.Put({View(MakeRegion(1, "a", "m"))});
  EXPECT_DEATH(index.Put({View(MakeRegion(2, "l", "z"))}), "overlaps");
  EXPECT_DEATH(index.Put({View(MakeRegion(2, "", "b"))}), "overlaps");
}

TEST(RegionIndexTest, ReservationsKeepOthersOut) {
  RegionIndex index;
  index.Put({View(MakeRegion(1, "a", "m"))});
  EXPECT_FALSE(index.Reserve(RegionId(2), {"l", "z"}));
  EXPECT_TRUE(index.Reserve(RegionId(1), {"a", "z"})) << "its own range";
  EXPECT_FALSE(index.Reserve(RegionId(3), {"y", ""}));
  EXPECT_TRUE(index.Reserve(RegionId(1), {"a", "n"})) << "replaces its own reservation";
  EXPECT_TRUE(index.Reserve(RegionId(3), {"y", ""}));
  index.Release(RegionId(3));
  EXPECT_TRUE(index.Reserve(RegionId(4), {"y", ""}));
}

}  // namespace
}  // namespace flotilla::store
