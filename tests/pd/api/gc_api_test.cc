#include "pd/api/gc_api.h"

#include <gtest/gtest.h>

#include <limits>

#include "pd/api/etcd_api.h"
#include "pd/meta/meta_commands.h"
#include "tests/pd/leader_fixture.h"

namespace flotilla::pd {
namespace {

class GcApiTest : public LeaderFixture {
 protected:
  GcApi api_{&guard_, &store_, &clock_};
  const MemberList members_{{{"a", "h:1", PeerId(1)}}, "a"};
  EtcdApi etcd_{&members_, &leadership_, &store_};
};

TEST_F(GcApiTest, PointsAdvanceAndSurviveAChangeOfLeader) {
  pdpb::AdvanceTxnSafePointRequest txn;
  txn.set_target(100);
  EXPECT_EQ(Call(api_, &GcApi::AdvanceTxnSafePoint, txn).new_txn_safe_point(), 100u);
  pdpb::AdvanceGCSafePointRequest gc;
  gc.set_target(90);
  EXPECT_EQ(Call(api_, &GcApi::AdvanceGCSafePoint, gc).new_gc_safe_point(), 90u);
  gc.set_target(101);
  EXPECT_TRUE(Call(api_, &GcApi::AdvanceGCSafePoint, gc).header().has_error());
  StepDown();
  BecomeLeader(Term(9));
  pdpb::GetGCStateRequest get;
  get.mutable_keyspace_scope()->set_keyspace_id(0xFFFFFFFF);
  const auto state = Call(api_, &GcApi::GetGCState, get);
  EXPECT_EQ(state.gc_state().txn_safe_point(), 100u);
  EXPECT_EQ(state.gc_state().gc_safe_point(), 90u);
  EXPECT_EQ(Call(api_, &GcApi::GetGCSafePoint, pdpb::GetGCSafePointRequest()).safe_point(), 90u);
  get.mutable_keyspace_scope()->set_keyspace_id(12);
  EXPECT_EQ(Call(api_, &GcApi::GetGCState, get).header().error().type(), pdpb::ENTRY_NOT_FOUND);
}

TEST_F(GcApiTest, BarriersBlockUntilTheyExpire) {
  pdpb::SetGCBarrierRequest set;
  set.set_barrier_id("backup");
  set.set_barrier_ts(50);
  set.set_ttl_seconds(10);
  EXPECT_EQ(Call(api_, &GcApi::SetGCBarrier, set).new_barrier_info().ttl_seconds(), 10);
  pdpb::AdvanceTxnSafePointRequest txn;
  txn.set_target(100);
  const auto blocked = Call(api_, &GcApi::AdvanceTxnSafePoint, txn);
  EXPECT_EQ(blocked.new_txn_safe_point(), 50u);
  EXPECT_NE(blocked.blocker_description().find("backup"), std::string::npos);
  EXPECT_EQ(Call(api_, &GcApi::GetGCState, pdpb::GetGCStateRequest()).gc_state().gc_barriers_size(),
            1);
  clock_.Advance(std::chrono::seconds(11));
  EXPECT_EQ(Call(api_, &GcApi::AdvanceTxnSafePoint, txn).new_txn_safe_point(), 100u);
  EXPECT_EQ(Call(api_, &GcApi::GetGCState, pdpb::GetGCStateRequest()).gc_state().gc_barriers_size(),
            0);
  EXPECT_TRUE(Call(api_, &GcApi::SetGCBarrier, set).header().has_error());
}

TEST_F(GcApiTest, DeletedBarrierIsAnsweredOnce) {
  pdpb::SetGCBarrierRequest set;
  set.set_barrier_id("backup");
  set.set_barrier_ts(50);
  set.set_ttl_seconds(std::numeric_limits<int64_t>::max());
  Call(api_, &GcApi::SetGCBarrier, set);
  pdpb::DeleteGCBarrierRequest remove;
  remove.set_barrier_id("backup");
  const auto removed = Call(api_, &GcApi::DeleteGCBarrier, remove);
  EXPECT_EQ(removed.deleted_barrier_info().barrier_ts(), 50u);
  EXPECT_EQ(removed.deleted_barrier_info().ttl_seconds(), std::numeric_limits<int64_t>::max());
  EXPECT_FALSE(Call(api_, &GcApi::DeleteGCBarrier, remove).has_deleted_barrier_info());
}

TEST_F(GcApiTest, OlderCallersMoveBothPoints) {
  pdpb::UpdateGCSafePointRequest update;
  update.set_safe_point(70);
  EXPECT_EQ(Call(api_, &GcApi::UpdateGCSafePoint, update).new_safe_point(), 70u);
  update.set_safe_point(60);
  EXPECT_EQ(Call(api_, &GcApi::UpdateGCSafePoint, update).new_safe_point(), 70u);
  EXPECT_EQ(Call(api_, &GcApi::GetGCState, pdpb::GetGCStateRequest()).gc_state().txn_safe_point(),
            70u);
}

TEST_F(GcApiTest, ServiceSafePointsAreBarriers) {
  pdpb::UpdateServiceGCSafePointRequest cdc;
  cdc.set_service_id("cdc");
  cdc.set_ttl(100);
  cdc.set_safe_point(40);
  EXPECT_EQ(Call(api_, &GcApi::UpdateServiceGCSafePoint, cdc).min_safe_point(), 0u);
  pdpb::UpdateServiceGCSafePointRequest worker;
  worker.set_service_id("gc_worker");
  worker.set_ttl(std::numeric_limits<int64_t>::max());
  worker.set_safe_point(90);
  auto answer = Call(api_, &GcApi::UpdateServiceGCSafePoint, worker);
  EXPECT_EQ(answer.min_safe_point(), 40u);
  EXPECT_EQ(answer.service_id(), "cdc");
  EXPECT_EQ(answer.ttl(), 100);
  cdc.set_ttl(0);
  Call(api_, &GcApi::UpdateServiceGCSafePoint, cdc);
  answer = Call(api_, &GcApi::UpdateServiceGCSafePoint, worker);
  EXPECT_EQ(answer.min_safe_point(), 90u);
  EXPECT_EQ(answer.service_id(), "gc_worker");
}

TEST_F(GcApiTest, EtcdKeyTellsTheSafePoint) {
  etcdserverpb::RangeRequest range;
  range.set_key(std::string(kEtcdSafePointKey));
  auto answer = CallAsIs(etcd_, &EtcdApi::Range, range);
  ASSERT_TRUE(status_.ok());
  EXPECT_EQ(answer.kvs_size(), 0);
  pdpb::AdvanceTxnSafePointRequest txn;
  txn.set_target(100);
  Call(api_, &GcApi::AdvanceTxnSafePoint, txn);
  answer = CallAsIs(etcd_, &EtcdApi::Range, range);
  ASSERT_EQ(answer.kvs_size(), 1);
  EXPECT_EQ(answer.kvs(0).value(), "100");
  EXPECT_EQ(answer.count(), 1);
  StepDown();
  EXPECT_EQ(CallAsIs(etcd_, &EtcdApi::Range, range).kvs(0).value(), "100");
}

TEST_F(GcApiTest, EtcdRangesAndPuts) {
  for (const char* key : {"/x/a", "/x/b", "/y"}) {
    etcdserverpb::PutRequest put;
    put.set_key(key);
    put.set_value("v");
    CallAsIs(etcd_, &EtcdApi::Put, put);
    ASSERT_TRUE(status_.ok()) << status_;
  }
  etcdserverpb::RangeRequest range;
  range.set_key("/x/");
  range.set_range_end("/x0");
  range.set_limit(1);
  auto answer = CallAsIs(etcd_, &EtcdApi::Range, range);
  EXPECT_EQ(answer.kvs_size(), 1);
  EXPECT_EQ(answer.count(), 2);
  EXPECT_TRUE(answer.more());
  range.set_range_end(std::string(1, '\0'));
  range.set_limit(0);
  range.set_sort_order(etcdserverpb::RangeRequest::DESCEND);
  answer = CallAsIs(etcd_, &EtcdApi::Range, range);
  ASSERT_EQ(answer.kvs_size(), 3);
  EXPECT_EQ(answer.kvs(0).key(), "/y");
  range.set_revision(1);
  CallAsIs(etcd_, &EtcdApi::Range, range);
  EXPECT_EQ(status_.code(), absl::StatusCode::kInvalidArgument);
  StepDown();
  CallAsIs(etcd_, &EtcdApi::Put, etcdserverpb::PutRequest());
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace flotilla::pd
