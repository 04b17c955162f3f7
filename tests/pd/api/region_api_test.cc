#include "pd/api/region_api.h"

#include <gtest/gtest.h>

#include <set>

#include "pd/api/keyspace_api.h"
#include "pd/api/split_api.h"
#include "pd/keyspace/keyspace_rules.h"
#include "tests/pd/leader_fixture.h"

namespace flotilla::pd {
namespace {

using std::chrono::seconds;

class RegionApiTest : public LeaderFixture {
 protected:
  void SetUp() override {
    Bootstrap();
    sink_ = std::make_shared<RecordingSink>();
    Beat(1);
  }

  std::shared_ptr<RegionInfo> First(std::vector<uint64_t> stores = {1}) {
    auto region = MakeRegion(2, "", "", stores);
    region->meta.mutable_peers(0)->set_id(3);
    region->leader = region->meta.peers(0);
    return region;
  }

  RegionApi region_api_{&guard_};
  SplitApi split_api_{&guard_, &clock_};
  KeyspaceApi keyspace_api_{&guard_, &store_};
  std::shared_ptr<RecordingSink> sink_;
};

TEST_F(RegionApiTest, LeaderIsKnownFromTheFirstHeartbeatOn) {
  pdpb::GetRegionRequest request;
  request.set_region_key("k");
  EXPECT_FALSE(Call(region_api_, &RegionApi::GetRegion, request).has_leader());
  ASSERT_TRUE(Report(*First(), sink_).ok());
  const auto response = Call(region_api_, &RegionApi::GetRegion, request);
  EXPECT_EQ(response.region().id(), 2u);
  EXPECT_EQ(response.leader().store_id(), 1u);
}

TEST_F(RegionApiTest, RoutesAfterASplit) {
  ASSERT_TRUE(Report(*MakeRegion(7, "", "m", {1}, 2), sink_).ok());
  ASSERT_TRUE(Report(*MakeRegion(2, "m", "", {1}, 2), sink_).ok());
  pdpb::GetRegionRequest request;
  request.set_region_key("a");
  EXPECT_EQ(Call(region_api_, &RegionApi::GetRegion, request).region().id(), 7u);
  request.set_region_key("z");
  EXPECT_EQ(Call(region_api_, &RegionApi::GetRegion, request).region().id(), 2u);
  EXPECT_EQ(Call(region_api_, &RegionApi::GetPrevRegion, request).region().id(), 7u);
  pdpb::GetRegionByIDRequest by_id;
  by_id.set_region_id(7);
  EXPECT_EQ(Call(region_api_, &RegionApi::GetRegionByID, by_id).region().end_key(), "m");
  by_id.set_region_id(70);
  EXPECT_FALSE(Call(region_api_, &RegionApi::GetRegionByID, by_id).has_region());

  const auto scan = Call(region_api_, &RegionApi::ScanRegions, pdpb::ScanRegionsRequest());
  ASSERT_EQ(scan.regions_size(), 2);
  ASSERT_EQ(scan.leaders_size(), 2);
  EXPECT_EQ(scan.region_metas(0).id(), 7u);
  EXPECT_EQ(scan.leaders(0).store_id(), 1u);
  EXPECT_EQ(scan.regions(1).leader().store_id(), 1u);
  pdpb::ScanRegionsRequest limited;
  limited.set_start_key("b");
  limited.set_limit(1);
  EXPECT_EQ(Call(region_api_, &RegionApi::ScanRegions, limited).regions_size(), 1);
  pdpb::ScanRegionsRequest inverted;
  inverted.set_start_key("b");
  inverted.set_end_key("a");
  EXPECT_EQ(Call(region_api_, &RegionApi::ScanRegions, inverted).header().error().type(),
            pdpb::INVALID_VALUE);
}

TEST_F(RegionApiTest, BatchScanSharesRegionsAndTellsGaps) {
  ASSERT_TRUE(Report(*MakeRegion(7, "b", "m", {1}, 2), sink_).ok());
  pdpb::BatchScanRegionsRequest request;
  for (const auto& [start, end] : {std::pair("c", "d"), std::pair("e", "f")}) {
    request.add_ranges()->set_start_key(start);
    request.mutable_ranges(request.ranges_size() - 1)->set_end_key(end);
  }
  request.set_contain_all_key_range(true);
  auto response = Call(region_api_, &RegionApi::BatchScanRegions, request);
  EXPECT_FALSE(response.header().has_error());
  EXPECT_EQ(response.regions_size(), 1);
  request.mutable_ranges(1)->set_end_key("z");
  response = Call(region_api_, &RegionApi::BatchScanRegions, request);
  EXPECT_EQ(response.header().error().type(), pdpb::REGIONS_NOT_CONTAIN_ALL_KEY_RANGE);
  EXPECT_EQ(response.regions_size(), 0);
}

TEST_F(RegionApiTest, OnlyChangedMetadataIsReplicated) {
  ASSERT_TRUE(Report(*First(), sink_).ok());
  const Index before = store_.index();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Report(*First(), sink_).ok());
  EXPECT_EQ(store_.index(), before);
  auto changed = First();
  changed->meta.mutable_region_epoch()->set_version(2);
  ASSERT_TRUE(Report(*changed, sink_).ok());
  EXPECT_EQ(store_.index(), before + 1);
}

TEST_F(RegionApiTest, StaleAndMalformedReportsAreIgnored) {
  ASSERT_TRUE(Report(*MakeRegion(2, "", "m", {1}, 4), sink_).ok());
  EXPECT_TRUE(Report(*MakeRegion(2, "", "", {1}, 3), sink_).ok());
  EXPECT_EQ(leadership_.Current()->cluster.GetRegion(RegionId(2))->end(), "m");
  auto foreign_leader = MakeRegion(2, "", "m", {1}, 9);
  foreign_leader->leader.set_id(12345);
  EXPECT_TRUE(Report(*foreign_leader, sink_).ok());
  auto inverted = MakeRegion(2, "z", "m", {1}, 9);
  EXPECT_TRUE(Report(*inverted, sink_).ok());
  EXPECT_EQ(leadership_.Current()->cluster.GetRegion(RegionId(2))->version(), 4u);
}

TEST_F(RegionApiTest, HeartbeatStreamEndsWithTheLeadership) {
  ASSERT_TRUE(Report(*First(), sink_).ok());
  StepDown();
  EXPECT_EQ(sink_->closed.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Report(*First(), sink_).code(), absl::StatusCode::kUnavailable);
  // The next leader knows the region, and its leader after the next heartbeat.
  BecomeLeader(Term(8));
  EXPECT_FALSE(leadership_.Current()->cluster.GetRegion(RegionId(2))->HasLeader());
  ASSERT_TRUE(Report(*First(), sink_).ok());
  EXPECT_TRUE(leadership_.Current()->cluster.GetRegion(RegionId(2))->HasLeader());
}

TEST_F(RegionApiTest, StoresHearOnceASecondThatTheirReportsAreRead) {
  ASSERT_TRUE(Report(*First(), sink_).ok());
  const auto other = std::make_shared<RecordingSink>();
  ASSERT_TRUE(Report(*MakeRegion(2, "", "", {1}, 2), other).ok());
  sink_->acknowledged = 0;
  RunFor(std::chrono::seconds(10));
  EXPECT_EQ(other->acknowledged, 10);
  EXPECT_EQ(sink_->acknowledged, 0) << "the store's newest stream counts";
}

TEST_F(RegionApiTest, SinglePeerBecomesThreeReplicas) {
  std::shared_ptr<RegionInfo> region = First();
  ASSERT_TRUE(Report(*region, sink_).ok());
  AddStore(4);
  AddStore(5);
  for (int i = 0; i < 100 && region->meta.peers_size() < 3; ++i) {
    RunFor(std::chrono::milliseconds(300));
    for (const auto& instruction : std::exchange(sink_->sent, {})) {
      region = Obey(*region, instruction);
      ASSERT_TRUE(Report(*region, sink_).ok());
    }
  }
  RunFor(seconds(1));
  for (const auto& instruction : std::exchange(sink_->sent, {})) {
    region = Obey(*region, instruction);
    ASSERT_TRUE(Report(*region, sink_).ok());
  }
  ASSERT_EQ(region->meta.peers_size(), 3);
  std::set<uint64_t> stores;
  std::set<uint64_t> ids;
  for (const metapb::Peer& peer : region->meta.peers()) {
    EXPECT_EQ(peer.role(), metapb::Voter);
    stores.insert(peer.store_id());
    ids.insert(peer.id());
  }
  EXPECT_EQ(stores, (std::set<uint64_t>{1, 4, 5}));
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(ids.count(0), 0u);
}

TEST_F(RegionApiTest, AskBatchSplitGivesIdsForRegionsAndPeers) {
  pdpb::AskBatchSplitRequest request;
  *request.mutable_region() = First({1, 4, 5})->meta;
  request.set_split_count(2);
  const auto response = Call(split_api_, &SplitApi::AskBatchSplit, request);
  ASSERT_EQ(response.ids_size(), 2);
  std::set<uint64_t> ids;
  for (const pdpb::SplitID& id : response.ids()) {
    ids.insert(id.new_region_id());
    ids.insert(id.new_peer_ids().begin(), id.new_peer_ids().end());
  }
  EXPECT_EQ(ids.size(), 8u);
  ASSERT_TRUE(Report(*MakeRegion(2, "", "", {1}, 5), sink_).ok());
  EXPECT_TRUE(Call(split_api_, &SplitApi::AskBatchSplit, request).header().has_error());
  request.set_split_count(kMaxSplitCount + 1);
  EXPECT_EQ(Call(split_api_, &SplitApi::AskBatchSplit, request).header().error().type(),
            pdpb::INVALID_VALUE);
}

// Plays the region's leader: obeys split instructions.
class SplittingStore {
 public:
  static std::vector<std::shared_ptr<RegionInfo>> Split(const RegionInfo& region,
                                                        const pdpb::SplitRegion& split,
                                                        uint64_t* next_id) {
    std::vector<std::shared_ptr<RegionInfo>> pieces;
    std::string start = region.start();
    const uint64_t version = region.version() + static_cast<uint64_t>(split.keys_size());
    for (const std::string& key : split.keys()) {
      pieces.push_back(MakeRegion((*next_id)++, start, key, {1}, version));
      start = key;
    }
    pieces.push_back(MakeRegion(region.meta.id(), start, region.end(), {1}, version));
    return pieces;
  }
};

TEST_F(RegionApiTest, NewKeyspaceIsCutOut) {
  ASSERT_TRUE(Report(*First(), sink_).ok());
  keyspace::v1::CreateKeyspaceRequest request;
  request.set_name("orders");
  const auto created = Call(keyspace_api_, &KeyspaceApi::CreateKeyspace, request);
  ASSERT_FALSE(created.header().has_error());
  EXPECT_EQ(created.keyspace().id(), 1u);
  RunFor(seconds(1));
  ASSERT_FALSE(sink_->sent.empty());
  uint64_t next_id = 50;
  for (const auto& piece :
       SplittingStore::Split(*First(), sink_->sent.back().split_region(), &next_id)) {
    ASSERT_TRUE(Report(*piece, sink_).ok());
  }
  sink_->sent.clear();
  RunFor(seconds(5));
  EXPECT_TRUE(sink_->sent.empty());
  for (const std::string& key : KeyspaceBoundaries(KeyspaceId(1))) {
    EXPECT_EQ(leadership_.Current()->cluster.GetRegionByKey(key)->start(), key);
  }
  EXPECT_EQ(Call(keyspace_api_, &KeyspaceApi::CreateKeyspace, request).header().error().type(),
            pdpb::DUPLICATED_ENTRY);
  keyspacepb::LoadKeyspaceRequest load;
  EXPECT_EQ(Call(keyspace_api_, &KeyspaceApi::LoadKeyspace, load).keyspace().name(), "DEFAULT");
  load.set_name("orders");
  EXPECT_EQ(Call(keyspace_api_, &KeyspaceApi::LoadKeyspace, load).keyspace().id(), 1u);
  load.set_name("nobody");
  EXPECT_EQ(Call(keyspace_api_, &KeyspaceApi::LoadKeyspace, load).header().error().type(),
            pdpb::ENTRY_NOT_FOUND);
  EXPECT_EQ(Call(keyspace_api_, &KeyspaceApi::GetAllKeyspaces, keyspacepb::GetAllKeyspacesRequest())
                .keyspaces_size(),
            2);
}

TEST_F(RegionApiTest, KeyspaceBoundariesAreKnownToTheNextLeader) {
  keyspace::v1::CreateKeyspaceRequest request;
  request.set_name("orders");
  Call(keyspace_api_, &KeyspaceApi::CreateKeyspace, request);
  StepDown();
  BecomeLeader(Term(8));
  ASSERT_TRUE(Report(*First(), sink_).ok());
  RunFor(seconds(1));
  ASSERT_FALSE(sink_->sent.empty());
  EXPECT_EQ(sink_->sent.back().split_region().keys_size(), 4);
}

TEST_F(RegionApiTest, SplitRegionsAnswersWhenTheRegionsAreCut) {
  ASSERT_TRUE(Report(*First(), sink_).ok());
  pdpb::SplitRegionsRequest request;
  request.mutable_header()->set_cluster_id(ClusterIdNow());
  request.add_split_keys("d");
  request.add_split_keys("p");
  pdpb::SplitRegionsResponse response;
  bool answered = false;
  split_api_.SplitRegions(request, &response, [&](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
    answered = true;
  });
  RunFor(seconds(1));
  EXPECT_FALSE(answered);
  ASSERT_FALSE(sink_->sent.empty());
  uint64_t next_id = 50;
  for (const auto& piece :
       SplittingStore::Split(*First(), sink_->sent.back().split_region(), &next_id)) {
    ASSERT_TRUE(Report(*piece, sink_).ok());
  }
  RunFor(seconds(1));
  EXPECT_TRUE(answered);
  EXPECT_EQ(response.finished_percentage(), 100u);
  EXPECT_EQ(response.regions_id_size(), 2);
}

TEST_F(RegionApiTest, SplitRegionsGivesUpHonestly) {
  ASSERT_TRUE(Report(*First(), sink_).ok());
  pdpb::SplitRegionsRequest request;
  request.mutable_header()->set_cluster_id(ClusterIdNow());
  request.add_split_keys("d");
  pdpb::SplitRegionsResponse response;
  bool answered = false;
  split_api_.SplitRegions(request, &response, [&](absl::Status) { answered = true; });
  RunFor(kSplitPatience + seconds(1));
  EXPECT_TRUE(answered);
  EXPECT_EQ(response.finished_percentage(), 0u);
  request.clear_split_keys();
  request.add_split_keys("");
  EXPECT_TRUE(Call(split_api_, &SplitApi::SplitRegions, request).header().has_error());
}

TEST_F(RegionApiTest, ScatterIsDoneAtOnceOnlyWhenThereIsNothingToDo) {
  ASSERT_TRUE(Report(*First(), sink_).ok());
  pdpb::ScatterRegionRequest request;
  request.add_regions_id(2);
  EXPECT_EQ(Call(split_api_, &SplitApi::ScatterRegion, request).finished_percentage(), 100u);
  pdpb::GetOperatorRequest get;
  get.set_region_id(2);
  const auto op = Call(split_api_, &SplitApi::GetOperator, get);
  EXPECT_EQ(op.desc(), "scatter-region");
  EXPECT_EQ(op.status(), pdpb::SUCCESS);
  get.set_region_id(77);
  EXPECT_EQ(Call(split_api_, &SplitApi::GetOperator, get).header().error().type(),
            pdpb::REGION_NOT_FOUND);
  pdpb::ScatterRegionRequest unknown;
  unknown.add_regions_id(77);
  EXPECT_EQ(Call(split_api_, &SplitApi::ScatterRegion, unknown).failed_regions_id_size(), 1);
}

}  // namespace
}  // namespace flotilla::pd
