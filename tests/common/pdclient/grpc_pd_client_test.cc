// The PD client against members over loopback: errors, a leader that moves, dies or is missing, and
// the two streams.

#include "common/pdclient/grpc_pd_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "common/pdclient/leader_finder.h"
#include "common/pdclient/waiter.h"
#include "tests/common/pdclient/fake_pd.h"

namespace flotilla::pdclient {
namespace {

using ::testing::HasSubstr;

class Listener final : public HeartbeatListener {
 public:
  void OnInstruction(pdpb::RegionHeartbeatResponse instruction) override {
    instructions.Update([&](auto& all) { all.push_back(std::move(instruction)); });
  }
  void OnHeartbeatStreamUp() override {
    ups.Update([](int& n) { ++n; });
  }
  rpc::Box<std::vector<pdpb::RegionHeartbeatResponse>> instructions;
  rpc::Box<int> ups;
};

class GrpcPdClientTest : public ::testing::Test {
 protected:
  void StartMembers(int count) {
    for (int i = 0; i < count; ++i) {
      members_.push_back(std::make_unique<FakeMember>(&cluster_, i));
    }
  }

  void StartClient(std::vector<std::string> endpoints = {}) {
    GrpcPdClientOptions options;
    options.endpoints = std::move(endpoints);
    if (options.endpoints.empty()) options.endpoints.push_back(members_[0]->address());
    options.call_timeout = call_timeout_;
    options.attempt_timeout = std::chrono::seconds(1);
    options.tso_stall = stall_;
    options.heartbeat_stall = stall_;
    options.metrics = &metrics_;
    client_ = std::make_unique<GrpcPdClient>(options, &loopback_.loop(), &loopback_.pool(),
                                             env::Random(3));
  }

  absl::StatusOr<uint64_t> AllocIds(uint32_t count) {
    Waiter<uint64_t> waiter;
    client_->AllocIds(count, waiter.callback());
    return waiter.Wait();
  }

  absl::StatusOr<Timestamp> GetTimestamps(uint32_t count) {
    Waiter<Timestamp> waiter;
    client_->GetTimestamps(count, waiter.callback());
    return waiter.Wait();
  }

  static std::string Stalled(const std::string& stream, int times) {
    return "flotilla_pd_client_streams_stalled_total{stream=\"" + stream + "\"} " +
           std::to_string(times);
  }

  static pdpb::RegionHeartbeatRequest Heartbeat(uint64_t region_id, uint64_t leader) {
    pdpb::RegionHeartbeatRequest heartbeat;
    heartbeat.mutable_region()->set_id(region_id);
    heartbeat.mutable_leader()->set_id(leader);
    return heartbeat;
  }

  env::Duration call_timeout_ = rpc::kTestDeadline;
  rpc::StallWatchOptions stall_ = {.timeout = rpc::kTestDeadline};
  metrics::Registry metrics_;
  FakeCluster cluster_;
  std::vector<std::unique_ptr<FakeMember>> members_;
  Listener listener_;
  rpc::TestClient loopback_;
  std::unique_ptr<GrpcPdClient> client_;
};

TEST(StripSchemeTest, AddressesWithAndWithoutScheme) {
  EXPECT_EQ(StripScheme("http://127.0.0.1:2379"), "127.0.0.1:2379");
  EXPECT_EQ(StripScheme("http://pd:2379/"), "pd:2379");
  EXPECT_EQ(StripScheme("pd:2379"), "pd:2379");
}

TEST(SaysNotLeaderTest, WordsOfThePublicProtocol) {
  EXPECT_TRUE(SaysNotLeader(absl::UnavailableError("not leader")));
  EXPECT_TRUE(SaysNotLeader(absl::UnknownError("this is not leader now")));
  EXPECT_FALSE(SaysNotLeader(absl::UnknownError("no such region")));
  EXPECT_FALSE(SaysNotLeader(absl::OkStatus()));
}

TEST_F(GrpcPdClientTest, TypedCallsFillTheHeaderAndPickTheResult) {
  StartMembers(1);
  StartClient({"http://" + members_[0]->address()});
  EXPECT_EQ(client_->cluster_id(), ClusterId(0));
  Waiter<pdpb::Region> region;
  client_->GetRegion("key", region.callback());
  const absl::StatusOr<pdpb::Region> found = region.Wait();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->region().id(), 5u);
  EXPECT_EQ(found->region().start_key(), "key");
  EXPECT_EQ(found->leader().store_id(), 3u);
  EXPECT_EQ(found->pending_peers(0).id(), 9u);
  EXPECT_EQ(client_->cluster_id(), ClusterId(77));

  Waiter<std::vector<pdpb::Region>> regions;
  client_->ScanRegions({"a", "z"}, 4, regions.callback());
  const auto scanned = regions.Wait();
  ASSERT_TRUE(scanned.ok()) << scanned.status();
  ASSERT_EQ(scanned->size(), 4u);
  EXPECT_EQ(scanned->back().region().id(), 4u);
}

TEST_F(GrpcPdClientTest, IdsAreTheFirstOfARow) {
  StartMembers(1);
  StartClient();
  EXPECT_EQ(*AllocIds(1), 100u);
  EXPECT_EQ(*AllocIds(10), 101u);
  EXPECT_EQ(*AllocIds(1), 111u);
}

TEST_F(GrpcPdClientTest, HeaderErrorsBecomeStatuses) {
  StartMembers(1);
  StartClient();
  Waiter<bool> before;
  client_->IsBootstrapped(before.callback());
  EXPECT_EQ(*before.Wait(), false);
  StatusWaiter first, second;
  client_->Bootstrap({}, {}, first.callback());
  EXPECT_TRUE(first.Wait().ok());
  client_->Bootstrap({}, {}, second.callback());
  const absl::Status again = second.Wait();
  EXPECT_TRUE(absl::IsAlreadyExists(again)) << again;

  Waiter<metapb::Store> known, unknown;
  client_->GetStore(StoreId(1), known.callback());
  EXPECT_EQ(known.Wait()->address(), "127.0.0.1:20160");
  client_->GetStore(StoreId(2), unknown.callback());
  EXPECT_TRUE(absl::IsNotFound(unknown.Wait().status()));
  Waiter<pdpb::Region> nowhere;
  client_->GetRegion("nowhere", nowhere.callback());
  EXPECT_TRUE(absl::IsNotFound(nowhere.Wait().status()));
}

TEST_F(GrpcPdClientTest, MethodsThatPdLacksFailAtOnce) {
  StartMembers(1);
  StartClient();
  Waiter<keyspacepb::KeyspaceMeta> keyspace;
  client_->LoadKeyspace("DEFAULT", keyspace.callback());
  EXPECT_TRUE(absl::IsUnimplemented(keyspace.Wait().status()));
}

TEST_F(GrpcPdClientTest, LeaderIsFoundThroughAFollowerAndFollowed) {
  StartMembers(3);
  cluster_.leader.Set(2);
  StartClient();
  ASSERT_TRUE(AllocIds(1).ok());
  for (const int leader : {1, 0, 2}) {
    cluster_.leader.Set(leader);
    const absl::StatusOr<uint64_t> id = AllocIds(1);
    EXPECT_TRUE(id.ok()) << id.status();
  }
}

TEST_F(GrpcPdClientTest, LeaderThatDiesIsReplacedByItsSuccessor) {
  StartMembers(3);
  StartClient();
  ASSERT_TRUE(AllocIds(1).ok());
  members_[0]->Stop();
  std::thread electing([this] { cluster_.leader.Set(1); });
  const absl::StatusOr<uint64_t> id = AllocIds(1);
  electing.join();
  EXPECT_TRUE(id.ok()) << id.status();
}

TEST_F(GrpcPdClientTest, SingleMemberThatRestartsIsFoundAgain) {
  StartMembers(1);
  StartClient();
  ASSERT_TRUE(AllocIds(1).ok());
  rpc::ServerOptions options;
  options.listen_address = members_[0]->address();
  members_[0]->Stop();
  Waiter<uint64_t> waiter;
  client_->AllocIds(1, waiter.callback());
  members_[0] = std::make_unique<FakeMember>(&cluster_, 0, options);
  const absl::StatusOr<uint64_t> id = waiter.Wait();
  EXPECT_TRUE(id.ok()) << id.status();
}

TEST_F(GrpcPdClientTest, WithoutALeaderCallsEndWhenTheirTimeIsOver) {
  call_timeout_ = std::chrono::milliseconds(300);
  StartMembers(2);
  cluster_.leader.Set(FakeCluster::kNoLeader);
  StartClient();
  const absl::StatusOr<uint64_t> id = AllocIds(1);
  EXPECT_TRUE(absl::IsUnavailable(id.status())) << id.status();
  EXPECT_THAT(std::string(id.status().message()), HasSubstr("no PD member knows a leader"));
  const absl::StatusOr<Timestamp> timestamp = GetTimestamps(1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(timestamp.status())) << timestamp.status();

  Waiter<pdpb::GetMembersResponse> members;
  client_->GetMembers(members.callback());
  const absl::StatusOr<pdpb::GetMembersResponse> answer = members.Wait();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->members_size(), 2);
  EXPECT_FALSE(answer->has_leader());
}

TEST_F(GrpcPdClientTest, NobodyListeningIsNamed) {
  call_timeout_ = std::chrono::milliseconds(300);
  StartClient({"127.0.0.1:1"});
  const absl::StatusOr<uint64_t> id = AllocIds(1);
  EXPECT_TRUE(absl::IsUnavailable(id.status())) << id.status();
  EXPECT_THAT(std::string(id.status().message()), HasSubstr("127.0.0.1:1"));
}

TEST_F(GrpcPdClientTest, MemberOfAnotherClusterIsNotListenedTo) {
  StartMembers(1);
  FakeCluster other;
  other.cluster_id = 78;
  other.leader.Set(FakeCluster::kNoLeader);
  call_timeout_ = std::chrono::milliseconds(500);
  StartClient();
  ASSERT_TRUE(AllocIds(1).ok());
  // Its own PD dies; a stranger listens where it was.
  rpc::ServerOptions same_port;
  same_port.listen_address = members_[0]->address();
  members_[0]->Stop();
  FakeMember stranger(&other, 0, same_port);
  const absl::StatusOr<uint64_t> id = AllocIds(1);
  EXPECT_FALSE(id.ok());
  EXPECT_THAT(std::string(id.status().message()), HasSubstr("78"));
}

TEST_F(GrpcPdClientTest, TimestampsAreSharedOutWithoutOverlap) {
  StartMembers(1);
  StartClient();
  constexpr int kCalls = 1000;
  rpc::Box<std::vector<std::pair<uint32_t, Timestamp>>> given;
  for (int i = 0; i < kCalls; ++i) {
    const uint32_t count = 1 + i % 7;
    client_->GetTimestamps(count, [given, count](absl::StatusOr<Timestamp> last) {
      given.Update([&](auto& all) { all.emplace_back(count, last.ok() ? *last : 0); });
    });
  }
  ASSERT_TRUE(given.WaitUntil([](const auto& all) { return all.size() == kCalls; }));
  std::set<Timestamp> seen;
  for (const auto& [count, last] : given.Get()) {
    for (uint32_t i = 0; i < count; ++i) {
      EXPECT_TRUE(seen.insert(last - i).second) << last - i << " was given twice";
    }
  }
  EXPECT_EQ(*seen.begin(), (uint64_t{1} << kTimestampLogicalBits) + 1);
  EXPECT_EQ(*seen.rbegin(), (uint64_t{1} << kTimestampLogicalBits) + cluster_.next_logical.load());
}

TEST_F(GrpcPdClientTest, TimestampsGoOnGrowingAfterALeaderChange) {
  StartMembers(2);
  StartClient();
  Timestamp last = *GetTimestamps(1);
  for (const int leader : {1, 0, 1}) {
    const int before = cluster_.leader.Get();
    cluster_.leader.Set(leader);
    members_[before]->EndStreams();
    const absl::StatusOr<Timestamp> next = GetTimestamps(1);
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_GT(*next, last);
    last = *next;
  }
}

TEST_F(GrpcPdClientTest, TimestampsThatWereNotAskedForAreNotUsed) {
  StartMembers(1);
  StartClient();
  ASSERT_TRUE(GetTimestamps(1).ok());
  cluster_.tso_count_wrong.store(true);
  const absl::StatusOr<Timestamp> next = GetTimestamps(2);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(*next, (uint64_t{1} << kTimestampLogicalBits) + cluster_.next_logical.load());
}

TEST_F(GrpcPdClientTest, ATimestampStreamThatGivesNoneIsGivenUpWithItsConnection) {
  StartMembers(1);
  cluster_.deaf_streams.store(2);
  stall_ = {.timeout = std::chrono::milliseconds(200)};
  StartClient();
  const absl::StatusOr<Timestamp> timestamp = GetTimestamps(2);
  ASSERT_TRUE(timestamp.ok()) << timestamp.status();
  EXPECT_EQ(*timestamp, (uint64_t{1} << kTimestampLogicalBits) + 2);
  const std::vector<std::string> peers = cluster_.stream_peers.Get();
  ASSERT_EQ(peers.size(), 3u);
  EXPECT_NE(peers[0], peers[1]) << "what was wrong with the connection would go on";
  EXPECT_NE(peers[1], peers[2]);
  EXPECT_THAT(metrics_.ToText(), HasSubstr(Stalled("tso", 2)));
}

TEST_F(GrpcPdClientTest, ATimestampStreamThatStandsStillLaterIsGivenUpAsWell) {
  StartMembers(1);
  stall_ = {.timeout = std::chrono::milliseconds(500)};
  StartClient();
  ASSERT_TRUE(GetTimestamps(1).ok());
  cluster_.tso_stands_still.store(true);
  const absl::StatusOr<Timestamp> timestamp = GetTimestamps(1);
  EXPECT_TRUE(timestamp.ok()) << timestamp.status();
  EXPECT_EQ(cluster_.stream_peers.Get().size(), 2u);
  EXPECT_THAT(metrics_.ToText(), HasSubstr(Stalled("tso", 1)));
}

TEST_F(GrpcPdClientTest, ATimestampStreamThatAnswersIsKept) {
  StartMembers(1);
  stall_ = {.timeout = std::chrono::seconds(2)};
  StartClient();
  const env::SystemClock clock;
  const env::Instant end = clock.Now() + 2 * stall_.timeout;
  while (clock.Now() < end) ASSERT_TRUE(GetTimestamps(1).ok());
  EXPECT_EQ(cluster_.stream_peers.Get().size(), 1u);
  EXPECT_THAT(metrics_.ToText(), HasSubstr(Stalled("tso", 0)));
}

TEST_F(GrpcPdClientTest, HeartbeatsArriveAndInstructionsComeBack) {
  StartMembers(1);
  StartClient();
  client_->SetHeartbeatListener(&listener_);
  ASSERT_TRUE(listener_.ups.WaitUntil([](int n) { return n == 1; }));
  client_->SendRegionHeartbeat(Heartbeat(8, 80));
  ASSERT_TRUE(listener_.instructions.WaitUntil([](const auto& all) { return all.size() == 1; }));
  const pdpb::RegionHeartbeatResponse instruction = listener_.instructions.Get().front();
  EXPECT_EQ(instruction.region_id(), 8u);
  EXPECT_EQ(instruction.transfer_leader().peer().id(), 81u);
  EXPECT_EQ(cluster_.heartbeats.Get().front().header().cluster_id(), 77u);
}

TEST_F(GrpcPdClientTest, OfHeartbeatsThatWaitTheNewestIsSent) {
  StartMembers(1);
  cluster_.leader.Set(FakeCluster::kNoLeader);
  StartClient();
  for (uint64_t leader = 1; leader <= 50; ++leader) {
    client_->SendRegionHeartbeat(Heartbeat(8, leader));
    client_->SendRegionHeartbeat(Heartbeat(9, leader));
  }
  cluster_.leader.Set(0);
  ASSERT_TRUE(cluster_.heartbeats.WaitUntil([](const auto& all) { return all.size() >= 2; }));
  const auto heartbeats = cluster_.heartbeats.Get();
  ASSERT_EQ(heartbeats.size(), 2u);
  EXPECT_EQ(heartbeats[0].region().id(), 8u);
  EXPECT_EQ(heartbeats[0].leader().id(), 50u);
  EXPECT_EQ(heartbeats[1].region().id(), 9u);
}

TEST_F(GrpcPdClientTest, HeartbeatStreamFollowsTheLeaderAndTellsSo) {
  StartMembers(2);
  StartClient();
  client_->SetHeartbeatListener(&listener_);
  ASSERT_TRUE(listener_.ups.WaitUntil([](int n) { return n >= 1; }));
  client_->SendRegionHeartbeat(Heartbeat(1, 1));
  ASSERT_TRUE(cluster_.heartbeats.WaitUntil([](const auto& all) { return !all.empty(); }));
  cluster_.leader.Set(1);
  members_[0]->EndStreams();
  ASSERT_TRUE(listener_.ups.WaitUntil([](int n) { return n >= 2; }));
  client_->SendRegionHeartbeat(Heartbeat(2, 1));
  ASSERT_TRUE(
      cluster_.heartbeats.WaitUntil([](const auto& all) { return all.back().region().id() == 2; }));
}

TEST_F(GrpcPdClientTest, AHeartbeatStreamThatStandsStillIsGivenUpWithItsConnection) {
  StartMembers(1);
  cluster_.deaf_streams.store(2);
  stall_ = {.timeout = std::chrono::milliseconds(200)};
  StartClient();
  client_->SetHeartbeatListener(&listener_);
  for (int stream = 1; stream <= 3; ++stream) {
    ASSERT_TRUE(listener_.ups.WaitUntil([stream](int n) { return n >= stream; }));
    // As a store does.
    client_->SendRegionHeartbeat(Heartbeat(8, stream));
  }
  ASSERT_TRUE(cluster_.heartbeats.WaitUntil([](const auto& all) { return !all.empty(); }));
  EXPECT_EQ(cluster_.heartbeats.Get().front().leader().id(), 3u);
  const std::vector<std::string> peers = cluster_.stream_peers.Get();
  ASSERT_EQ(peers.size(), 3u);
  EXPECT_NE(peers[0], peers[1]) << "what was wrong with the connection would go on";
  EXPECT_NE(peers[1], peers[2]);
  EXPECT_THAT(metrics_.ToText(), HasSubstr(Stalled("region_heartbeat", 2)));
}

TEST_F(GrpcPdClientTest, TheOtherStreamOfAConnectionThatIsGivenUpIsKept) {
  StartMembers(1);
  stall_ = {.timeout = std::chrono::milliseconds(500)};
  StartClient();
  client_->SetHeartbeatListener(&listener_);
  ASSERT_TRUE(listener_.ups.WaitUntil([](int n) { return n == 1; }));
  ASSERT_TRUE(GetTimestamps(1).ok());
  cluster_.tso_stands_still.store(true);
  const absl::StatusOr<Timestamp> timestamp = GetTimestamps(1);
  ASSERT_TRUE(timestamp.ok()) << timestamp.status();
  client_->SendRegionHeartbeat(Heartbeat(8, 1));
  ASSERT_TRUE(cluster_.heartbeats.WaitUntil([](const auto& all) { return !all.empty(); }));
  EXPECT_EQ(listener_.ups.Get(), 1) << "it is well, and all regions would be reported again";
  const std::vector<std::string> peers = cluster_.stream_peers.Get();
  ASSERT_EQ(peers.size(), 3u);
  EXPECT_EQ(peers[0], peers[1]) << "both streams share a connection";
  EXPECT_NE(peers[1], peers[2]);
}

TEST_F(GrpcPdClientTest, InstructionsDoNotTellThatReportsAreRead) {
  StartMembers(1);
  cluster_.acknowledges.store(false);
  stall_ = {.timeout = std::chrono::milliseconds(200)};
  StartClient();
  client_->SetHeartbeatListener(&listener_);
  ASSERT_TRUE(listener_.ups.WaitUntil([](int n) { return n == 1; }));
  const env::SystemClock clock;
  const env::Instant end = clock.Now() + rpc::kTestDeadline;
  for (size_t sent = 1; listener_.ups.Get() == 1 && clock.Now() < end; ++sent) {
    client_->SendRegionHeartbeat(Heartbeat(8, 1));
    (void)listener_.instructions.WaitUntil(
        [&](const auto& all) { return all.size() >= sent || listener_.ups.Get() > 1; });
  }
  EXPECT_TRUE(listener_.ups.WaitUntil([](int n) { return n >= 2; }));
}

TEST_F(GrpcPdClientTest, DestructionEndsWhatIsUnderWay) {
  StartMembers(1);
  cluster_.leader.Set(FakeCluster::kNoLeader);
  StartClient();
  client_->SetHeartbeatListener(&listener_);
  Waiter<uint64_t> id;
  Waiter<Timestamp> timestamp;
  client_->AllocIds(1, id.callback());
  client_->GetTimestamps(1, timestamp.callback());
  client_.reset();
  EXPECT_TRUE(absl::IsCancelled(id.Wait().status()));
  EXPECT_TRUE(absl::IsCancelled(timestamp.Wait().status()));
}

}  // namespace
}  // namespace flotilla::pdclient
