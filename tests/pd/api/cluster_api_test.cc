#include "pd/api/cluster_api.h"

#include <gtest/gtest.h>

#include "pd/api/member_api.h"
#include "pd/api/region_api.h"
#include "pd/api/split_api.h"
#include "pd/api/tso_api.h"
#include "tests/pd/leader_fixture.h"

namespace flotilla::pd {
namespace {

class ClusterApiTest : public LeaderFixture {
 protected:
  RegionApi region_api_{&guard_};
  TsoApi tso_api_{&guard_};
  SplitApi split_api_{&guard_, &clock_};
};

TEST_F(ClusterApiTest, FirstLeaderChoosesTheClusterIdAndItStays) {
  const uint64_t id = ClusterIdNow();
  EXPECT_NE(id, 0u);
  StepDown();
  BecomeLeader(Term(9));
  EXPECT_EQ(ClusterIdNow(), id);
  EXPECT_EQ(leadership_.Current()->cluster_id.value(), id);
}

TEST_F(ClusterApiTest, OtherClustersAreRefused) {
  pdpb::AllocIDRequest request;
  request.mutable_header()->set_cluster_id(ClusterIdNow() + 1);
  CallAsIs(cluster_api_, &ClusterApi::AllocID, request);
  EXPECT_EQ(status_.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status_.message().find("mismatch cluster id"), std::string::npos);
}

TEST_F(ClusterApiTest, FollowersRefuseInTheWordsThatClientsLookFor) {
  StepDown();
  Call(tso_api_, &TsoApi::Tso, pdpb::TsoRequest());
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(status_.message().find("not leader"), std::string::npos);
  Call(region_api_, &RegionApi::GetRegion, pdpb::GetRegionRequest());
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClusterApiTest, LeaderWithoutALeaseIsSilent) {
  pdpb::TsoRequest request;
  request.set_count(1);
  Call(tso_api_, &TsoApi::Tso, request);
  EXPECT_TRUE(status_.ok());
  lease_->Expire();
  Call(tso_api_, &TsoApi::Tso, request);
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClusterApiTest, LeaseLostWhileATimestampIsMadeLosesTheTimestamp) {
  store_.Hold();
  pdpb::TsoRequest request;
  request.set_count(1);
  Call(tso_api_, &TsoApi::Tso, request);
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnknown) << "not answered yet";
  lease_->Expire();
  store_.Release();
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClusterApiTest, TsoAnswersTheLargestAndTheCount) {
  pdpb::TsoRequest request;
  request.set_count(7);
  const auto first = Call(tso_api_, &TsoApi::Tso, request);
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(first.count(), 7u);
  EXPECT_EQ(first.header().cluster_id(), ClusterIdNow());
  EXPECT_EQ(first.timestamp().logical(), 7);
  const auto second = Call(tso_api_, &TsoApi::Tso, request);
  EXPECT_EQ(second.timestamp().logical(), 14);
}

TEST_F(ClusterApiTest, TimestampsIncreaseAcrossLeaders) {
  pdpb::TsoRequest request;
  request.set_count(1);
  Timestamp last;
  for (uint64_t term = 6; term < 26; ++term) {
    clock_.SetWallMillis(clock_.WallMillis() + (term % 2 == 0 ? -3'600'000 : 10));
    StepDown();
    BecomeLeader(Term(term));
    for (int i = 0; i < 3; ++i) {
      const auto response = Call(tso_api_, &TsoApi::Tso, request);
      ASSERT_TRUE(status_.ok());
      const Timestamp next{response.timestamp().physical(), response.timestamp().logical()};
      ASSERT_GT(next, last) << "term " << term;
      last = next;
    }
  }
}

TEST_F(ClusterApiTest, WaitersAreToldWhenTheLeadershipEnds) {
  store_.Hold();
  pdpb::AllocIDRequest request;
  Call(cluster_api_, &ClusterApi::AllocID, request);
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnknown);
  StepDown();
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClusterApiTest, NothingBeforeBootstrap) {
  const auto region = Call(region_api_, &RegionApi::GetRegion, pdpb::GetRegionRequest());
  EXPECT_TRUE(status_.ok());
  EXPECT_EQ(region.header().error().type(), pdpb::NOT_BOOTSTRAPPED);
  EXPECT_NE(region.header().cluster_id(), 0u);
  const auto asked = Call(cluster_api_, &ClusterApi::IsBootstrapped, pdpb::IsBootstrappedRequest());
  EXPECT_FALSE(asked.bootstrapped());
}

TEST_F(ClusterApiTest, BootstrapsOnceAndSurvivesAChangeOfLeader) {
  Bootstrap();
  StepDown();
  BecomeLeader(Term(8));
  EXPECT_TRUE(Call(cluster_api_, &ClusterApi::IsBootstrapped, pdpb::IsBootstrappedRequest())
                  .bootstrapped());
  pdpb::GetRegionRequest by_key;
  by_key.set_region_key("any");
  EXPECT_EQ(Call(region_api_, &RegionApi::GetRegion, by_key).region().id(), 2u);
  pdpb::BootstrapRequest again;
  *again.mutable_store() = MakeStore(9);
  again.mutable_region()->set_id(9);
  again.mutable_region()->add_peers()->set_id(10);
  again.mutable_region()->mutable_peers(0)->set_store_id(9);
  const auto refused = Call(cluster_api_, &ClusterApi::Bootstrap, again);
  EXPECT_EQ(refused.header().error().type(), pdpb::ALREADY_BOOTSTRAPPED);
}

TEST_F(ClusterApiTest, MalformedBootstrapsChangeNothing) {
  pdpb::BootstrapRequest request;
  *request.mutable_store() = MakeStore(1);
  EXPECT_EQ(Call(cluster_api_, &ClusterApi::Bootstrap, request).header().error().type(),
            pdpb::INVALID_VALUE);
  request.mutable_region()->set_id(2);
  request.mutable_region()->set_end_key("half");
  EXPECT_EQ(Call(cluster_api_, &ClusterApi::Bootstrap, request).header().error().type(),
            pdpb::INVALID_VALUE);
  EXPECT_FALSE(store_.reader().Cluster()->bootstrapped());
}

TEST_F(ClusterApiTest, IdsAreUniqueAcrossLeaders) {
  pdpb::AllocIDRequest request;
  request.set_count(10);
  uint64_t last = 0;
  for (uint64_t term = 6; term < 16; ++term) {
    const auto response = Call(cluster_api_, &ClusterApi::AllocID, request);
    EXPECT_EQ(response.count(), 10u);
    EXPECT_GT(response.id() - 9, last);
    last = response.id();
    StepDown();
    BecomeLeader(Term(term));
  }
  EXPECT_EQ(Call(cluster_api_, &ClusterApi::AllocID, pdpb::AllocIDRequest()).count(), 1u);
}

TEST_F(ClusterApiTest, StoresAreRegisteredByRules) {
  Bootstrap();
  AddStore(4);
  pdpb::PutStoreRequest request;
  *request.mutable_store() = MakeStore(5);
  request.mutable_store()->set_address(MakeStore(4).address());
  auto response = Call(cluster_api_, &ClusterApi::PutStore, request);
  EXPECT_EQ(response.header().error().type(), pdpb::DUPLICATED_ENTRY);
  EXPECT_NE(response.header().error().message().find("duplicated store address"),
            std::string::npos);
  request.mutable_store()->set_address("b:1");
  request.mutable_store()->set_version("eight");
  response = Call(cluster_api_, &ClusterApi::PutStore, request);
  EXPECT_EQ(response.header().error().type(), pdpb::INVALID_VALUE);
  EXPECT_EQ(leadership_.Current()->cluster.Stores().size(), 2u);
}

TEST_F(ClusterApiTest, SecondProcessOfAStoreIsRefused) {
  Bootstrap();
  AddStore(4);
  pdpb::PutStoreRequest request;
  *request.mutable_store() = MakeStore(4);
  request.mutable_store()->set_address("copy:1");
  EXPECT_EQ(Call(cluster_api_, &ClusterApi::PutStore, request).header().error().type(),
            pdpb::DUPLICATED_ENTRY);
  EXPECT_EQ(leadership_.Current()->cluster.GetStore(StoreId(4))->meta.address(),
            MakeStore(4).address());
  clock_.Advance(kStoreDisconnectedAfter);
  EXPECT_FALSE(Call(cluster_api_, &ClusterApi::PutStore, request).header().has_error());
  EXPECT_EQ(leadership_.Current()->cluster.GetStore(StoreId(4))->meta.address(), "copy:1");
}

TEST_F(ClusterApiTest, UnknownStoreIsToldInTheWordsThatClientsLookFor) {
  Bootstrap();
  pdpb::GetStoreRequest request;
  request.set_store_id(99);
  const auto response = Call(cluster_api_, &ClusterApi::GetStore, request);
  EXPECT_EQ(response.header().error().message(), "invalid store ID 99, not found");
  pdpb::StoreHeartbeatRequest beat;
  beat.mutable_stats()->set_store_id(99);
  EXPECT_TRUE(Call(cluster_api_, &ClusterApi::StoreHeartbeat, beat).header().has_error());
}

TEST(StoreVersionTest, Forms) {
  for (const char* good : {"", "8.5.0", "v8.5.0", "8.5.0-alpha.1", "8.5.0+build", "0.1.0"}) {
    EXPECT_TRUE(CheckStoreVersion(good).ok()) << good;
  }
  for (const char* bad : {"8", "8.5", "8.5.x", "8..0", "eight", "8.5.0.1", "v"}) {
    EXPECT_FALSE(CheckStoreVersion(bad).ok()) << bad;
  }
}

TEST_F(ClusterApiTest, MembersAreToldByLeadersAndFollowers) {
  const MemberList members({{"a", "h:1", PeerId(1)}, {"b", "h:2", PeerId(2)}}, "a");
  MemberApi api(&members, &leadership_, &store_);
  for (const bool leads : {true, false}) {
    if (!leads) StepDown();
    const auto response = CallAsIs(api, &MemberApi::GetMembers, pdpb::GetMembersRequest());
    ASSERT_TRUE(status_.ok()) << status_;
    EXPECT_EQ(response.header().cluster_id(), ClusterIdNow());
    ASSERT_EQ(response.members_size(), 2);
    EXPECT_EQ(response.members(1).client_urls(0), "http://h:2");
    EXPECT_EQ(response.leader().name(), "a");
    EXPECT_EQ(response.etcd_leader().name(), "a");
    const auto info = CallAsIs(api, &MemberApi::GetClusterInfo, pdpb::GetClusterInfoRequest());
    ASSERT_EQ(info.servicemodes_size(), 1);
    EXPECT_EQ(info.servicemodes(0), pdpb::PD_SVC_MODE);
  }
  const auto etcd = CallAsIs(api, &MemberApi::MemberList, etcdserverpb::MemberListRequest());
  ASSERT_EQ(etcd.members_size(), 2);
  EXPECT_EQ(etcd.members(0).clienturls(0), "http://h:1");
  EXPECT_FALSE(etcd.members(0).islearner());
  EXPECT_FALSE(etcd.members(0).name().empty());
}

TEST(MemberApiTest, NoAnswerBeforeTheClusterHasAnId) {
  env::ManualClock clock;
  LocalMetaStore store(&clock);
  Leadership leadership(&clock, env::Random(1), {}, &store,
                        std::make_shared<multiraft::LeaderLease>());
  const MemberList members({{"a", "h:1", PeerId(1)}}, "a");
  MemberApi api(&members, &leadership, &store);
  absl::Status status;
  pdpb::GetMembersResponse response;
  api.GetMembers({}, &response, [&](absl::Status s) { status = std::move(s); });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace flotilla::pd
