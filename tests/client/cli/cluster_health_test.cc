#include "client/cli/cluster_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ClusterHealthTest : public ::testing::Test {
 protected:
  ClusterHealthTest() {
    for (int i = 1; i <= 3; ++i) {
      MemberState member;
      member.member.set_name("pd-" + std::to_string(i));
      member.is_leader = i == 1;
      state_.members.push_back(member);
      StoreState store;
      store.store.set_id(i);
      store.store.set_address("s" + std::to_string(i));
      store.store.set_version("1.0.0");
      state_.stores.push_back(store);
    }
    AddRegion(10, "", "m");
    AddRegion(11, "m", "");
  }
  pdpb::Region& AddRegion(uint64_t id, std::string start, std::string end) {
    pdpb::Region& region = state_.regions.emplace_back();
    region.mutable_region()->set_id(id);
    region.mutable_region()->set_start_key(start);
    region.mutable_region()->set_end_key(end);
    for (int i = 1; i <= 3; ++i) {
      metapb::Peer* peer = region.mutable_region()->add_peers();
      peer->set_id(id * 10 + i);
      peer->set_store_id(i);
    }
    *region.mutable_leader() = region.region().peers(0);
    return region;
  }
  static absl::Status Dead() { return absl::UnavailableError("not reachable"); }

  ClusterState state_;
};

TEST_F(ClusterHealthTest, AllIsWell) { EXPECT_THAT(FindProblems(state_), IsEmpty()); }

TEST_F(ClusterHealthTest, Members) {
  state_.members[2].health = Dead();
  EXPECT_THAT(FindProblems(state_), ElementsAre(HasSubstr("PD member pd-3")));
  state_.members[1].health = Dead();
  state_.members[0].is_leader = false;
  EXPECT_THAT(FindProblems(state_),
              ElementsAre(HasSubstr("pd-2"), HasSubstr("pd-3"), HasSubstr("PD has no leader"),
                          HasSubstr("only 1 of 3 PD members answer")));
}

TEST_F(ClusterHealthTest, AFullDisk) {
  state_.stores[1].stats.set_capacity(1000);
  EXPECT_THAT(FindProblems(state_), ElementsAre(HasSubstr("the disk of store 2 at s2 is full")));
  state_.stores[1].stats.set_available(1);
  EXPECT_THAT(FindProblems(state_), IsEmpty());
}

TEST_F(ClusterHealthTest, Stores) {
  state_.stores[1].silent_ms = 25'000;
  state_.stores[2].store.set_version("1.1.0");
  EXPECT_THAT(FindProblems(state_),
              ElementsAre(HasSubstr("PD has not heard of store 2 at s2 for 25 s"),
                          HasSubstr("different versions: 1.0.0 1.1.0")));
}

TEST_F(ClusterHealthTest, AStoreThatWasDeclaredLost) {
  state_.stores[2].store.set_physically_destroyed(true);
  state_.stores[2].store.set_state(metapb::Offline);
  state_.stores[2].health = Dead();
  state_.stores[2].silent_ms = 25'000;
  state_.stores[2].peers = 2;
  EXPECT_THAT(FindProblems(state_), ElementsAre(HasSubstr("store 3 at s3 was declared lost: 2 "
                                                          "replicas still to be made")));
}

TEST_F(ClusterHealthTest, ReplicasThatDiffer) {
  repair::v1::RegionCheck& check = state_.checks[10];
  check.set_region_id(10);
  check.set_agreement(repair::v1::Comparison::EQUAL);
  EXPECT_THAT(FindProblems(state_), IsEmpty());
  check.add_differing()->set_store_id(3);
  check.set_has_majority(true);
  EXPECT_THAT(FindProblems(state_),
              ElementsAre(HasSubstr("region 10: the replica on store 3 does not hold what")));
  EXPECT_THAT(FindProblems(state_), ElementsAre(HasSubstr("flotilla region repair 10 --store 3")));
  check.add_differing()->set_store_id(1);
  check.set_has_majority(false);
  EXPECT_THAT(FindProblems(state_),
              ElementsAre(HasSubstr("region 10: the replicas on stores 3, 1 do not hold the same, "
                                    "and no majority agrees")));
}

TEST_F(ClusterHealthTest, AMajorityOfReplicasIsGone) {
  state_.stores[1].health = Dead();
  state_.stores[2].health = Dead();
  EXPECT_THAT(FindProblems(state_), ElementsAre(HasSubstr("store 2"), HasSubstr("store 3"),
                                                HasSubstr("2 regions: 10, 11 without a majority")));
}

TEST_F(ClusterHealthTest, Regions) {
  state_.regions[0].clear_leader();
  state_.regions[1].mutable_region()->mutable_peers()->RemoveLast();
  *state_.regions[1].add_pending_peers() = state_.regions[1].region().peers(1);
  EXPECT_THAT(FindProblems(state_),
              ElementsAre(HasSubstr("region 10 without a leader"),
                          HasSubstr("region 11 with too few replicas"),
                          HasSubstr("region 11 with a replica that is down")));
}

TEST_F(ClusterHealthTest, FewStoresNeedFewReplicas) {
  state_.stores.resize(1);
  for (pdpb::Region& region : state_.regions) {
    region.mutable_region()->mutable_peers()->DeleteSubrange(1, 2);
  }
  EXPECT_THAT(FindProblems(state_), IsEmpty());
}

TEST_F(ClusterHealthTest, Gaps) {
  state_.regions[1].mutable_region()->set_start_key("n");
  EXPECT_THAT(FindProblems(state_), ElementsAre(HasSubstr("before region 11")));
  state_.regions.pop_back();
  EXPECT_THAT(FindProblems(state_), ElementsAre(HasSubstr("the end of the key space")));
  state_.regions.clear();
  EXPECT_THAT(FindProblems(state_), ElementsAre(HasSubstr("not bootstrapped")));
}

TEST_F(ClusterHealthTest, ManyRegionsAreOneSentence) {
  state_.regions.clear();
  for (int i = 0; i < 20; ++i) {
    AddRegion(100 + i, i == 0 ? "" : std::string(1, 'a' + i),
              i == 19 ? "" : std::string(1, 'b' + i))
        .clear_leader();
  }
  EXPECT_THAT(FindProblems(state_),
              ElementsAre("20 regions: 100, 101, 102, 103, 104 and others without a leader that PD "
                          "knows"));
}

}  // namespace
}  // namespace flotilla::cli
