// One PD member that leads, without Raft, network or threads: handlers are called directly, and the
// leadership stage runs when the test says so.
#ifndef FLOTILLA_TESTS_PD_LEADER_FIXTURE_H_
#define FLOTILLA_TESTS_PD_LEADER_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "pd/api/cluster_api.h"
#include "pd/api/heartbeat_api.h"
#include "pd/api/request_guard.h"
#include "pd/api/store_registry_api.h"
#include "pd/meta/leadership.h"
#include "tests/pd/cluster_builder.h"
#include "tests/pd/local_meta_store.h"

namespace flotilla::pd {

class RecordingSink final : public HeartbeatSink {
 public:
  void Send(pdpb::RegionHeartbeatResponse instruction) override {
    sent.push_back(std::move(instruction));
  }
  void Acknowledge() override { ++acknowledged; }
  void Close(absl::Status reason) override { closed = std::move(reason); }

  std::vector<pdpb::RegionHeartbeatResponse> sent;
  int acknowledged = 0;
  absl::Status closed;
};

class LeaderFixture : public testing::Test {
 protected:
  explicit LeaderFixture(ScheduleConfig schedule = {})
      : leadership_(&clock_, env::Random(1), {.schedule = schedule}, &store_, lease_) {
    BecomeLeader(Term(5));
  }

  void BecomeLeader(Term term) {
    store_.Lead(term);
    lease_->Extend(term, clock_.Now() + std::chrono::hours(24 * 365 * 100));
    leadership_.OnLeaderChange(PeerId(1));
    leadership_.OnLeaderReady(term);
    RunStage();
  }
  void StepDown() {
    store_.Lead(Term());
    lease_->Expire();
    leadership_.OnStepDown();
    RunStage();
  }
  void RunStage() {
    for (int i = 0; i < 5; ++i) leadership_.RunOnce();
  }
  // Virtual time goes on in ticks.
  void RunFor(env::Duration duration) {
    const env::Instant end = clock_.Now() + duration;
    while (clock_.Now() < end) {
      clock_.Advance(std::chrono::milliseconds(100));
      RunStage();
    }
  }

  // Calls a handler with the cluster's id in the header.
  template <typename Api, typename Request, typename Response>
  Response Call(Api& api, void (Api::*method)(const Request&, Response*, rpc::Done),
                Request request) {
    request.mutable_header()->set_cluster_id(ClusterIdNow());
    return CallAsIs(api, method, request);
  }
  // The RPC's status is in `status_`; it stays Unknown until the handler answers.
  template <typename Api, typename Request, typename Response>
  Response CallAsIs(Api& api, void (Api::*method)(const Request&, Response*, rpc::Done),
                    const Request& request) {
    status_ = absl::UnknownError("not answered");
    // A handler may answer after this.
    const auto response = std::make_shared<Response>();
    (api.*method)(request, response.get(),
                  [this, response](absl::Status status) { status_ = std::move(status); });
    return *response;
  }

  uint64_t ClusterIdNow() { return store_.reader().Cluster()->cluster_id(); }

  // Store 1 with region 2, peer 3, as a store's first start does.
  void Bootstrap() {
    pdpb::BootstrapRequest request;
    *request.mutable_store() = MakeStore(1);
    request.mutable_region()->set_id(2);
    request.mutable_region()->mutable_region_epoch()->set_version(1);
    request.mutable_region()->mutable_region_epoch()->set_conf_ver(1);
    metapb::Peer* peer = request.mutable_region()->add_peers();
    peer->set_id(3);
    peer->set_store_id(1);
    const auto response = Call(cluster_api_, &ClusterApi::Bootstrap, request);
    ASSERT_TRUE(status_.ok()) << status_;
    ASSERT_FALSE(response.header().has_error()) << response.header().error().message();
  }

  void AddStore(uint64_t id) {
    pdpb::PutStoreRequest request;
    *request.mutable_store() = MakeStore(id);
    const auto response = Call(cluster_api_, &ClusterApi::PutStore, request);
    ASSERT_FALSE(response.header().has_error()) << response.header().error().message();
    Beat(id);
  }
  void Beat(uint64_t id) {
    pdpb::StoreHeartbeatRequest request;
    request.mutable_stats()->set_store_id(id);
    Call(cluster_api_, &ClusterApi::StoreHeartbeat, request);
  }
  absl::Status Report(const RegionInfo& region, const std::shared_ptr<HeartbeatSink>& sink) {
    pdpb::RegionHeartbeatRequest request;
    request.mutable_header()->set_cluster_id(ClusterIdNow());
    *request.mutable_region() = region.meta;
    *request.mutable_leader() = region.leader;
    request.set_term(region.term);
    return heartbeat_api_.OnHeartbeat(request, sink);
  }

  env::ManualClock clock_;
  LocalMetaStore store_{&clock_};
  std::shared_ptr<multiraft::LeaderLease> lease_ = std::make_shared<multiraft::LeaderLease>();
  Leadership leadership_;
  RequestGuard guard_{&leadership_};
  metrics::Registry metrics_;
  ClusterApi cluster_api_{&guard_, &store_, 3};
  StoreRegistryApi registry_api_{&guard_, &store_};
  HeartbeatApi heartbeat_api_{&guard_, &store_, &metrics_};
  absl::Status status_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_TESTS_PD_LEADER_FIXTURE_H_
