#include "store/operation/split.h"

#include <gtest/gtest.h>

#include "store/kv/command.h"

namespace flotilla::store {
namespace {

Region Parent() {
  metapb::Region meta;
  meta.set_id(1);
  meta.set_start_key("b");
  meta.set_end_key("x");
  meta.mutable_region_epoch()->set_conf_ver(3);
  meta.mutable_region_epoch()->set_version(4);
  for (uint64_t store = 1; store <= 3; ++store) {
    metapb::Peer* peer = meta.add_peers();
    peer->set_id(10 + store);
    peer->set_store_id(store);
  }
  meta.mutable_peers(2)->set_role(metapb::Learner);
  return Region(meta);
}

SplitCommand TwoNew() {
  return {{3, 4},
          {{"f", RegionId(2), {PeerId(21), PeerId(22), PeerId(23)}},
           {"m", RegionId(3), {PeerId(31), PeerId(32), PeerId(33)}}}};
}

TEST(SplitTest, TheRightmostPieceKeepsTheId) {
  const SplitOutcome outcome = DivideRegion(Parent(), TwoNew());
  ASSERT_EQ(outcome.children.size(), 2u);
  EXPECT_EQ(outcome.children[0].id(), RegionId(2));
  EXPECT_EQ(outcome.children[0].range(), (KeyRange{"b", "f"}));
  EXPECT_EQ(outcome.children[1].range(), (KeyRange{"f", "m"}));
  EXPECT_EQ(outcome.parent.id(), RegionId(1));
  EXPECT_EQ(outcome.parent.range(), (KeyRange{"m", "x"}));
  for (const Region* piece : {&outcome.children[0], &outcome.children[1], &outcome.parent}) {
    EXPECT_EQ(piece->epoch(), (net::Epoch{3, 6}));
    EXPECT_EQ(piece->meta().peers(2).role(), metapb::Learner);
    EXPECT_EQ(piece->meta().peers(2).store_id(), 3u);
  }
  EXPECT_EQ(outcome.children[1].FindPeerOn(StoreId(2))->id(), 32u);
  EXPECT_EQ(outcome.parent.FindPeerOn(StoreId(2))->id(), 12u);
}

TEST(SplitTest, CommandComesBack) {
  const std::string encoded = EncodeSplit(TwoNew());
  std::string_view rest = encoded;
  const auto header = TakeCommandHeader(rest);
  ASSERT_EQ(header->kind, CommandKind::kSplit);
  const auto decoded = DecodeSplit(header->version, rest);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->epoch, (net::Epoch{3, 4}));
  ASSERT_EQ(decoded->pieces.size(), 2u);
  EXPECT_EQ(decoded->pieces[1].key, "m");
  EXPECT_EQ(decoded->pieces[1].peer_ids[2], PeerId(33));
  for (size_t size = 0; size < rest.size(); ++size) {
    EXPECT_FALSE(DecodeSplit(4, rest.substr(0, size)).ok()) << size;
  }
}

TEST(SplitTest, StaleAndMalformedSplitsAreRefused) {
  EXPECT_TRUE(CheckSplit(Parent(), TwoNew()).ok());
  SplitCommand command = TwoNew();
  command.epoch.version = 5;
  EXPECT_FALSE(CheckSplit(Parent(), command).ok());
  command = TwoNew();
  command.epoch.conf_ver = 2;
  EXPECT_FALSE(CheckSplit(Parent(), command).ok()) << "the peers' ids are for other peers";
  command = TwoNew();
  std::swap(command.pieces[0].key, command.pieces[1].key);
  EXPECT_FALSE(CheckSplit(Parent(), command).ok());
  command = TwoNew();
  command.pieces[1].key = "x";
  EXPECT_FALSE(CheckSplit(Parent(), command).ok());
  command = TwoNew();
  command.pieces[0].key = "b";
  EXPECT_FALSE(CheckSplit(Parent(), command).ok());
  command = TwoNew();
  command.pieces[0].peer_ids.pop_back();
  EXPECT_FALSE(CheckSplit(Parent(), command).ok());
  metapb::Region joint = Parent().meta();
  joint.mutable_peers(0)->set_role(metapb::IncomingVoter);
  EXPECT_FALSE(CheckSplit(Region(joint), TwoNew()).ok());
}

TEST(SplitTest, KeysOfRequestsAreChecked) {
  const KeyCodec v1(ApiVersion::kV1);
  EXPECT_TRUE(CheckSplitKeys(Parent(), v1, {"c", "d"}).ok());
  EXPECT_FALSE(CheckSplitKeys(Parent(), v1, {}).ok());
  EXPECT_FALSE(CheckSplitKeys(Parent(), v1, {"d", "c"}).ok());
  EXPECT_FALSE(CheckSplitKeys(Parent(), v1, {"b"}).ok());
  EXPECT_FALSE(CheckSplitKeys(Parent(), v1, {"x"}).ok());
  EXPECT_FALSE(CheckSplitKeys(Parent(), KeyCodec(ApiVersion::kV2), {"c"}).ok());
}

}  // namespace
}  // namespace flotilla::store
