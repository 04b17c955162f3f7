// Whole members with real engines, threads and gRPC over loopback, asked through the PD client that
// stores use.
#include "pd/pd.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <set>

#include "common/base/mutex.h"
#include "common/pdclient/grpc_pd_client.h"
#include "common/rpc/grpc_event_loop.h"
#include "tests/pd/cluster_builder.h"

namespace flotilla::pd {
namespace {

using std::chrono::seconds;

// Ports that nobody listens on, held until all are found so that none comes twice.
std::vector<int> FreePorts(int count) {
  std::vector<int> sockets;
  std::vector<int> ports;
  for (int i = 0; i < count; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
    sockets.push_back(fd);
    ports.push_back(ntohs(address.sin_port));
  }
  for (const int fd : sockets) close(fd);
  return ports;
}

// Obeys the instructions of the one region that it leads, as a store would.
class ObedientStore final : public pdclient::HeartbeatListener {
 public:
  ObedientStore(pdclient::PdClient* client, RegionPtr region)
      : client_(client), region_(std::move(region)) {}

  void OnInstruction(pdpb::RegionHeartbeatResponse instruction) override {
    MutexLock lock(mutex_);
    if (instruction.region_epoch().conf_ver() != region_->conf_ver()) return;
    region_ = Obey(*region_, instruction);
    Report();
    changed_.NotifyAll();
  }
  void OnHeartbeatStreamUp() override {
    MutexLock lock(mutex_);
    Report();
  }

  bool AwaitVoters(int count, env::Duration limit) {
    const env::SystemClock clock;
    const env::Instant end = clock.Now() + limit;
    MutexLock lock(mutex_);
    while (Voters() < count && clock.Now() < end) changed_.WaitFor(mutex_, end - clock.Now());
    return Voters() >= count;
  }

 private:
  int Voters() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    int voters = 0;
    for (const metapb::Peer& peer : region_->meta.peers()) voters += peer.role() == metapb::Voter;
    return voters;
  }
  void Report() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    pdpb::RegionHeartbeatRequest request;
    *request.mutable_region() = region_->meta;
    *request.mutable_leader() = region_->leader;
    request.set_term(region_->term);
    client_->SendRegionHeartbeat(std::move(request));
  }

  pdclient::PdClient* const client_;
  Mutex mutex_;
  CondVar changed_;
  RegionPtr region_ ABSL_GUARDED_BY(mutex_);
};

class PdTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "flotilla-pd-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    loop_.Start();
  }
  void TearDown() override {
    client_.reset();
    loop_.Stop();
    members_.clear();
    std::filesystem::remove_all(directory_);
  }

  void StartCluster(int count) {
    const std::vector<int> ports = FreePorts(count);
    for (int i = 0; i < count; ++i) {
      addresses_.push_back("127.0.0.1:" + std::to_string(ports[i]));
      initial_cluster_.push_back("pd" + std::to_string(i) + "=" + addresses_[i]);
    }
    members_.resize(count);
    for (int i = 0; i < count; ++i) Start(i);
    pdclient::GrpcPdClientOptions options;
    options.endpoints = addresses_;
    options.call_timeout = seconds(20);
    client_ = std::make_unique<pdclient::GrpcPdClient>(options, &loop_, &pool_, env::Random(1));
  }
  void Start(int i) {
    auto pd = Pd::Start(ConfigOf(i), "{}", [](const absl::Status& why) { FAIL() << why; });
    ASSERT_TRUE(pd.ok()) << pd.status();
    members_[i] = *std::move(pd);
  }
  PdConfig ConfigOf(int i) {
    PdConfig config;
    config.name = "pd" + std::to_string(i);
    config.listen = addresses_[i];
    config.status_address = "127.0.0.1:0";
    config.data_dir = directory_ + "/" + config.name;
    config.initial_cluster = initial_cluster_;
    return config;
  }

  template <typename T, typename Start>
  absl::StatusOr<T> Await(Start start) {
    std::promise<absl::StatusOr<T>> answer;
    start([&](absl::StatusOr<T> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  absl::StatusOr<uint64_t> Timestamp() {
    return Await<uint64_t>([&](auto done) { client_->GetTimestamps(1, std::move(done)); });
  }
  absl::StatusOr<uint64_t> Ids(uint32_t count) {
    return Await<uint64_t>([&](auto done) { client_->AllocIds(count, std::move(done)); });
  }
  absl::StatusOr<pdpb::GetMembersResponse> Members() {
    return Await<pdpb::GetMembersResponse>(
        [&](auto done) { client_->GetMembers(std::move(done)); });
  }
  int LeaderIndex() {
    const auto members = Members();
    for (size_t i = 0; i < addresses_.size(); ++i) {
      if (members.ok() && members->leader().client_urls_size() > 0 &&
          members->leader().client_urls(0) == "http://" + addresses_[i]) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }
  absl::Status Bootstrap(const metapb::Store& store, const metapb::Region& region) {
    std::promise<absl::Status> answer;
    client_->Bootstrap(store, region, [&](absl::Status status) { answer.set_value(status); });
    return answer.get_future().get();
  }
  void PutStore(uint64_t id) {
    std::promise<absl::Status> answer;
    client_->PutStore(MakeStore(id), [&](absl::Status status) { answer.set_value(status); });
    ASSERT_TRUE(answer.get_future().get().ok());
    pdpb::StoreStats stats;
    stats.set_store_id(id);
    ASSERT_TRUE(Await<pdpb::StoreHeartbeatResponse>([&](auto done) {
                  client_->StoreHeartbeat(stats, std::move(done));
                }).ok());
  }

  std::string directory_;
  std::vector<std::string> addresses_;
  std::vector<std::string> initial_cluster_;
  std::vector<std::unique_ptr<Pd>> members_;
  env::SystemClock clock_;
  rpc::GrpcEventLoop loop_{"test-rpc", &clock_};
  rpc::ChannelPool pool_;
  std::unique_ptr<pdclient::GrpcPdClient> client_;
};

TEST_F(PdTest, OneMemberBootstrapsRoutesAndReplicates) {
  StartCluster(1);
  const auto first = Timestamp();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto region = MakeRegion(2, "", "", {1});
  ASSERT_TRUE(Bootstrap(MakeStore(1), region->meta).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Bootstrap(MakeStore(9), region->meta)));
  for (const uint64_t store : {1, 4, 5}) PutStore(store);

  ObedientStore store(client_.get(), region);
  client_->SetHeartbeatListener(&store);
  EXPECT_TRUE(store.AwaitVoters(3, seconds(30)));
  const auto route =
      Await<pdpb::Region>([&](auto done) { client_->GetRegion("k", std::move(done)); });
  ASSERT_TRUE(route.ok()) << route.status();
  EXPECT_EQ(route->leader().store_id(), 1u);
  EXPECT_EQ(route->region().peers_size(), 3);

  const auto keyspace = Await<keyspacepb::KeyspaceMeta>(
      [&](auto done) { client_->LoadKeyspace("DEFAULT", std::move(done)); });
  ASSERT_TRUE(keyspace.ok()) << keyspace.status();
  EXPECT_EQ(keyspace->id(), 0u);
  EXPECT_GT(*Timestamp(), *first);
  client_.reset();  // The listener ends before it.
}

TEST_F(PdTest, TimestampsAndIdsGoOnOverChangesOfLeaderAndRestarts) {
  StartCluster(3);
  ASSERT_TRUE(Timestamp().ok());
  const uint64_t cluster_id = Members()->header().cluster_id();
  uint64_t last_timestamp = 0;
  std::set<uint64_t> ids;
  const auto use = [&] {
    for (int i = 0; i < 20; ++i) {
      const auto timestamp = Timestamp();
      ASSERT_TRUE(timestamp.ok()) << timestamp.status();
      ASSERT_GT(*timestamp, last_timestamp);
      last_timestamp = *timestamp;
      const auto first = Ids(3);
      ASSERT_TRUE(first.ok()) << first.status();
      for (uint64_t id = *first; id < *first + 3; ++id) ASSERT_TRUE(ids.insert(id).second);
    }
  };
  use();
  for (int round = 0; round < 2; ++round) {
    const int leader = LeaderIndex();
    ASSERT_GE(leader, 0);
    const env::Instant began = clock_.Now();
    members_[leader]->Drain(seconds(8));
    members_[leader].reset();
    EXPECT_LT(clock_.Now() - began, seconds(10));
    use();
    Start(leader);
  }
  EXPECT_EQ(Members()->header().cluster_id(), cluster_id);
}

TEST_F(PdTest, SecondProcessAndForeignDataAreRefused) {
  StartCluster(1);
  ASSERT_TRUE(Timestamp().ok());
  PdConfig config = ConfigOf(0);
  config.listen = "127.0.0.1:" + std::to_string(FreePorts(1)[0]);
  config.initial_cluster = {"pd0=" + config.listen};
  const auto second = Pd::Start(config, "{}", [](const absl::Status&) {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find("in use"), std::string::npos) << second.status();
  members_[0].reset();
  config.name = "other";
  config.initial_cluster = {"other=" + config.listen};
  EXPECT_EQ(Pd::Start(config, "{}", [](const absl::Status&) {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace flotilla::pd
