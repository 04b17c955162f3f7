#include "pd/api/repair_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/pd/leader_fixture.h"

namespace flotilla::pd {
namespace {

using ::testing::HasSubstr;

class RepairApiTest : public LeaderFixture {
 protected:
  RepairApiTest() {
    Bootstrap();
    for (uint64_t id = 1; id <= 4; ++id) AddStore(id);
    Report(*region_);
  }
  void Report(const RegionInfo& region) { ASSERT_TRUE(LeaderFixture::Report(region, sink_).ok()); }
  // Store 3 is silent for long enough, the others are not.
  void SilenceStoreThree() {
    for (int i = 0; i < 3; ++i) {
      RunFor(std::chrono::seconds(8));
      for (const uint64_t id : {1, 2, 4}) Beat(id);
    }
  }
  repair::v1::DeclareLostResponse DeclareLost(uint64_t store) {
    repair::v1::DeclareLostRequest request;
    request.set_store_id(store);
    return Call(repair_api_, &RepairApi::DeclareLost, request);
  }

  RepairApi repair_api_{&guard_, &store_, &clock_, 3};
  const std::shared_ptr<RegionInfo> region_ = [] {
    auto region = MakeRegion(2, "", "", {1, 2, 3});
    region->meta.mutable_region_epoch()->set_conf_ver(5);
    return region;
  }();
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
};

TEST_F(RepairApiTest, AStoreThatSpeaksIsRefused) {
  EXPECT_THAT(DeclareLost(3).header().error().message(), HasSubstr("PD heard of store 3"));
  EXPECT_EQ(DeclareLost(9).header().error().type(), pdpb::ENTRY_NOT_FOUND);
}

TEST_F(RepairApiTest, ALostStoreMayNotComeBack) {
  SilenceStoreThree();
  EXPECT_EQ(DeclareLost(3).replicas(), 1u);
  ASSERT_TRUE(status_.ok()) << status_;

  pdpb::StoreHeartbeatRequest beat;
  beat.mutable_stats()->set_store_id(3);
  EXPECT_EQ(Call(cluster_api_, &ClusterApi::StoreHeartbeat, beat).state(), metapb::Removed);
  EXPECT_FALSE(leadership_.Current()->cluster.GetStore(StoreId(3))->IsServing(clock_.Now()));

  pdpb::PutStoreRequest put;
  *put.mutable_store() = MakeStore(3);
  const auto refused = Call(cluster_api_, &ClusterApi::PutStore, put);
  EXPECT_EQ(refused.header().error().type(), pdpb::STORE_TOMBSTONE);
  EXPECT_THAT(refused.header().error().message(), HasSubstr("store 3 was declared lost"));

  // Another leader of PD knows it too, and a new store may have the address.
  StepDown();
  BecomeLeader(Term(9));
  EXPECT_EQ(Call(cluster_api_, &ClusterApi::StoreHeartbeat, beat).state(), metapb::Removed);
  put.mutable_store()->set_id(30);
  EXPECT_FALSE(Call(cluster_api_, &ClusterApi::PutStore, put).header().has_error());
}

TEST_F(RepairApiTest, ItsReplicasAreReplacedAndThenItIsForgotten) {
  SilenceStoreThree();
  DeclareLost(3);
  const auto replaced = [&](RegionPtr region) {
    // What the leader is told, until it has a replica on store 4 instead of store 3.
    for (int i = 0; i < 100 && region->PeerOn(StoreId(3)) != nullptr; ++i) {
      RunFor(std::chrono::milliseconds(500));
      for (const uint64_t id : {1, 2, 4}) Beat(id);
      std::vector<pdpb::RegionHeartbeatResponse> sent;
      sent.swap(sink_->sent);
      for (const auto& instruction : sent) {
        region = Obey(*region, instruction);
        Report(*region);
      }
    }
    return region;
  };
  const RegionPtr region = replaced(region_);
  EXPECT_EQ(region->PeerOn(StoreId(3)), nullptr);
  ASSERT_NE(region->PeerOn(StoreId(4)), nullptr);
  EXPECT_EQ(region->PeerOn(StoreId(4))->role(), metapb::Voter);
  RunFor(std::chrono::seconds(5));
  EXPECT_EQ(leadership_.Current()->cluster.GetStore(StoreId(3))->meta.state(), metapb::Tombstone);
  EXPECT_EQ((*store_.reader().Store(3))->state(), metapb::Tombstone);
}

TEST_F(RepairApiTest, AReplicaIsMadeAnew) {
  // As many ids are given out as the region's need.
  pdpb::AllocIDRequest ids;
  ids.set_count(1000);
  Call(cluster_api_, &ClusterApi::AllocID, ids);
  repair::v1::RebuildReplicaRequest request;
  request.set_region_id(2);
  request.set_store_id(3);
  const auto begun = Call(repair_api_, &RepairApi::RebuildReplica, request);
  EXPECT_TRUE(status_.ok()) << status_;
  ASSERT_EQ(begun.steps_size(), 3) << begun.header().error().message();
  EXPECT_EQ(begun.old_peer_id(), 203u);
  const auto twice = Call(repair_api_, &RepairApi::RebuildReplica, request);
  EXPECT_EQ(twice.header().error().type(), pdpb::DUPLICATED_ENTRY);
  RegionPtr region = region_;
  for (int i = 0; i < 20 && region->FindPeer(PeerId(203)) != nullptr; ++i) {
    std::vector<pdpb::RegionHeartbeatResponse> sent;
    sent.swap(sink_->sent);
    for (const auto& instruction : sent) {
      region = Obey(*region, instruction);
      Report(*region);
    }
    RunFor(std::chrono::milliseconds(500));
  }
  EXPECT_EQ(region->FindPeer(PeerId(203)), nullptr);
  ASSERT_NE(region->PeerOn(StoreId(4)), nullptr);
  EXPECT_GT(region->PeerOn(StoreId(4))->id(), 203u) << "above all ids that the region had";
  request.set_region_id(9);
  EXPECT_EQ(Call(repair_api_, &RepairApi::RebuildReplica, request).header().error().type(),
            pdpb::ENTRY_NOT_FOUND);
}

class CheckReportTest : public RepairApiTest {
 protected:
  using Comparison = repair::v1::Comparison;

  void ReportCheck(Comparison::Agreement agreement, const std::vector<int>& differing = {}) {
    repair::v1::ReportCheckRequest request;
    Comparison* comparison = request.mutable_comparison();
    *comparison->mutable_region() = region_->meta;
    comparison->set_agreement(agreement);
    comparison->set_has_majority(differing.size() == 1);
    for (int i = 0; i < 3; ++i) {
      Comparison::Replica* replica = comparison->add_replicas();
      *replica->mutable_peer() = region_->meta.peers(i);
      const bool differs = std::find(differing.begin(), differing.end(), i) != differing.end();
      replica->set_verdict(differs ? Comparison::DISAGREES : Comparison::AGREES);
    }
    Call(repair_api_, &RepairApi::ReportCheck, request);
    EXPECT_TRUE(status_.ok()) << status_;
  }
  std::vector<repair::v1::RegionCheck> Checks() {
    const auto response = Call(repair_api_, &RepairApi::GetChecks, repair::v1::GetChecksRequest());
    return {response.checks().begin(), response.checks().end()};
  }
};

TEST_F(CheckReportTest, DifferencesStayUntilAllAreEqual) {
  EXPECT_TRUE(Checks().empty());
  ReportCheck(Comparison::EQUAL);
  ASSERT_EQ(Checks().size(), 1u);
  EXPECT_EQ(Checks()[0].agreement(), Comparison::EQUAL);
  ReportCheck(Comparison::DIFFERS, {2});
  ASSERT_EQ(Checks()[0].differing_size(), 1);
  EXPECT_EQ(Checks()[0].differing(0).store_id(), 3u);
  EXPECT_TRUE(Checks()[0].has_majority());
  ReportCheck(Comparison::INCOMPLETE);
  EXPECT_EQ(Checks()[0].differing_size(), 1) << "who was not compared may still differ";
  StepDown();
  BecomeLeader(Term(9));
  ASSERT_EQ(Checks().size(), 1u);
  EXPECT_EQ(Checks()[0].differing_size(), 1);
  EXPECT_EQ(Checks()[0].agreement(), Comparison::DIFFERS);
  ReportCheck(Comparison::EQUAL);
  EXPECT_EQ(Checks()[0].differing_size(), 0);
  EXPECT_TRUE(store_.reader().Findings()->empty());
}

TEST_F(CheckReportTest, WhoIsNoMemberAnyMoreDoesNotDiffer) {
  ReportCheck(Comparison::DIFFERS, {2});
  auto moved = std::make_shared<RegionInfo>(*region_);
  moved->meta.mutable_peers(2)->set_id(900);
  moved->meta.mutable_region_epoch()->set_conf_ver(9);
  Report(*moved);
  ASSERT_EQ(Checks().size(), 1u);
  EXPECT_EQ(Checks()[0].differing_size(), 0);
}

TEST_F(CheckReportTest, ARebuildTrustsNobodyWhoDiffers) {
  ReportCheck(Comparison::DIFFERS, {1});
  repair::v1::RebuildReplicaRequest request;
  request.set_region_id(2);
  request.set_store_id(3);
  EXPECT_THAT(Call(repair_api_, &RepairApi::RebuildReplica, request).header().error().message(),
              HasSubstr("no majority of sound voters"));
  request.set_store_id(2);
  EXPECT_EQ(Call(repair_api_, &RepairApi::RebuildReplica, request).steps_size(), 3);
}

}  // namespace
}  // namespace flotilla::pd
