// A peer goes while something is under way to its data: what was committed before is applied all
// the same, and must find its place.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>

#include "tests/store/store_cluster.h"

namespace flotilla::store {
namespace {

using std::chrono::seconds;
using Rows = std::map<std::string, std::string>;

constexpr int kKeys = 10;
constexpr int kSplitAt = 5;

std::string Key(int i) { return "key" + std::to_string(i); }

StoreClusterOptions Options() {
  StoreClusterOptions options;
  options.seed = 5;
  options.host.apply_workers = 1;
  return options;
}

pdpb::RegionHeartbeatResponse Removal(int store, uint64_t peer) {
  pdpb::RegionHeartbeatResponse instruction;
  metapb::Peer* changed = instruction.mutable_change_peer()->mutable_peer();
  changed->set_id(peer);
  changed->set_store_id(static_cast<uint64_t>(store));
  instruction.mutable_change_peer()->set_change_type(eraftpb::RemoveNode);
  return instruction;
}

class LateApplyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(cluster_.Put(Key(i), "value"));
  }
  void TearDown() override {
    for (const std::string& violation : cluster_.violations().all()) ADD_FAILURE() << violation;
  }

  void HoldApply(int store, bool hold) { cluster_.process(store).HoldStage("apply-0", hold); }
  int LeaderStore(const std::string& key) {
    return static_cast<int>(cluster_.WaitForLeader(key)->self.store_id());
  }
  bool HasPeer(const std::string& key, uint64_t peer) {
    const RegionViewPtr leader = cluster_.WaitForLeader(key);
    return leader != nullptr && leader->region.FindPeer(PeerId(peer)) != nullptr;
  }
  Rows RowsOn(int store, const KeyRange& range) {
    Rows rows;
    engine::ReadOptions options;
    options.bounds = range;
    const auto it = cluster_.engine(store).NewIterator(engine::ColumnFamily::kDefault, options);
    for (it->SeekToFirst(); it->Valid(); it->Next()) rows.emplace(it->key(), it->value());
    return rows;
  }

  StoreCluster cluster_{Options()};
};

TEST_F(LateApplyTest, TheChildOfASplitThatIsAppliedWhileItsParentGoesKeepsItsData) {
  const int victim = LeaderStore(Key(0)) % 3 + 1;
  const auto peer = static_cast<uint64_t>(100 + victim);
  HoldApply(victim, true);
  ASSERT_TRUE(cluster_.Split(Key(kSplitAt)));
  const std::string parents = Key(kKeys - 1);
  cluster_.Instruct(parents, Removal(victim, peer));
  ASSERT_TRUE(cluster_.RunUntil([&] { return !HasPeer(parents, peer); }));
  // The notice comes, while the split is committed and waits to be applied.
  cluster_.world().RunFor(seconds(3));
  cluster_.network().Isolate(StoreId(static_cast<uint64_t>(victim)));
  HoldApply(victim, false);
  cluster_.world().RunFor(seconds(3));
  cluster_.FlushData(victim);
  cluster_.Crash(victim);
  cluster_.Restart(victim);
  cluster_.network().Heal();

  const RegionViewPtr child = cluster_.WaitForLeader(Key(0));
  const KeyRange& range = child->region.range();
  ASSERT_TRUE(cluster_.Put(Key(0), "new"));
  const Rows rows = RowsOn(LeaderStore(Key(0)), range);
  EXPECT_EQ(rows.size(), static_cast<size_t>(kSplitAt));
  EXPECT_TRUE(cluster_.RunUntil([&] { return RowsOn(victim, range) == rows; }))
      << RowsOn(victim, range).size() << " rows of " << rows.size();
  EXPECT_TRUE(RowsOn(victim, {range.end, ""}).empty()) << "of the parent, which went";
}

}  // namespace
}  // namespace flotilla::store
