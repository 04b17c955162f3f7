// A leader that is paused beyond its lease and woken serves no stale read: not those that waited at
// its door, and not those that come then.
//
// FLOTILLA_PAUSE_ROUNDS sets the number of rounds (the full promise is 100).
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "client/cluster_connection.h"
#include "client/grpc_store_rpc.h"
#include "tests/cluster/process_cluster.h"
#include "tests/cluster/process_usage.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kKey[] = "paused";
// Reads that wait while the leader is paused, and as many when it is awake.
constexpr int kReads = 20;
constexpr seconds kPatience{30};

int Rounds() {
  const char* const text = std::getenv("FLOTILLA_PAUSE_ROUNDS");
  return text == nullptr ? 3 : std::atoi(text);
}

// Reads of one key from one store, whoever leads.
class DirectReads {
 public:
  DirectReads(const std::string& address, kvrpcpb::RawGetRequest request)
      : address_(address),
        request_(std::move(request)),
        loop_("direct-reads", &clock_),
        connector_(&loop_, &pool_, client::Transport::kUnary, env::Random(1)),
        store_(connector_.Connect(address)) {
    loop_.Start();
  }
  ~DirectReads() {
    connector_.Shutdown();
    loop_.Stop();
  }

  const std::string& address() const { return address_; }
  void Begin() {
    Read& read = *reads_.emplace_back(std::make_unique<Read>());
    store_->RawGet(request_, &read.response, clock_.Now() + kPatience, [this, &read](auto status) {
      MutexLock lock(mutex_);
      read.status = status;
      read.done = true;
      changed_.NotifyAll();
    });
  }
  // The values that were served; what was refused counts as nothing. Forgets the reads.
  std::vector<std::string> Await() {
    std::vector<std::string> values;
    MutexLock lock(mutex_);
    for (const auto& read : reads_) {
      while (!read->done) changed_.Wait(mutex_);
      const bool served =
          read->status.ok() && !read->response.has_region_error() && read->response.error().empty();
      if (served) values.push_back(read->response.value());
    }
    reads_.clear();
    return values;
  }

 private:
  struct Read {
    kvrpcpb::RawGetResponse response;
    absl::Status status;
    bool done = false;
  };

  const std::string address_;
  const kvrpcpb::RawGetRequest request_;
  const env::SystemClock clock_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::unique_ptr<Read>> reads_;
  rpc::GrpcEventLoop loop_;
  rpc::ChannelPool pool_;
  client::GrpcStoreConnector connector_;
  const std::shared_ptr<client::StoreConnection> store_;
};

class PausedLeaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(cluster_.Up({"--stores", "3", "--pds", "1"}).code, 0);
    client::ClientOptions options;
    options.pd_addresses = {cluster_.pd_address()};
    // The first write goes to the leader that is paused.
    options.request_timeout = milliseconds(500);
    options.timeout = seconds(10);
    connection_ = std::make_unique<client::ClusterConnection>(options);
    ASSERT_TRUE(connection_->OpenKeyspace().ok());
  }

  // Whose outcome is known in the end; this is the key's only writer.
  void Write(const std::string& value) {
    absl::Status status;
    ASSERT_TRUE(Await(kPatience, [&] {
      status = connection_->raw().Put(kKey, value);
      return status.ok();
    })) << status;
  }
  // A read of the key that the leader that PD knows can answer by itself.
  std::unique_ptr<DirectReads> ReadsFromLeader() {
    const auto region = connection_->regions().RegionOf(kKey);
    const auto stores = connection_->admin().Stores();
    if (!region.ok() || !stores.ok()) return nullptr;
    kvrpcpb::RawGetRequest request;
    kvrpcpb::Context& context = *request.mutable_context();
    context.set_region_id(region->region().id());
    *context.mutable_region_epoch() = region->region().region_epoch();
    *context.mutable_peer() = region->leader();
    context.set_api_version(kvrpcpb::V2);
    request.set_key(connection_->regions().codec().ToRequestKey(kKey));
    for (const metapb::Store& store : *stores) {
      if (store.id() == region->leader().store_id()) {
        return std::make_unique<DirectReads>(store.address(), request);
      }
    }
    return nullptr;
  }

  // One pause. What the leader served once it was awake, in all.
  void Round(int round, int* served, int* stale) {
    const std::string before = "before " + std::to_string(round);
    const std::string after = "after " + std::to_string(round);
    Write(before);
    const std::unique_ptr<DirectReads> reads = ReadsFromLeader();
    ASSERT_NE(reads, nullptr);
    const std::string leader = cluster_.NameOf(reads->address());
    ASSERT_NE(leader, "");
    reads->Begin();
    ASSERT_EQ(reads->Await(), std::vector<std::string>{before}) << "nobody answers who should";
    cluster_.Signal(leader, SIGSTOP);
    ASSERT_TRUE(Await(kPatience, [&] { return IsStopped(cluster_.PidOf(leader)); }));
    for (int i = 0; i < kReads; ++i) reads->Begin();
    // Acknowledged by another leader: the lease of the one that is paused is over.
    Write(after);
    cluster_.Signal(leader, SIGCONT);
    for (int i = 0; i < kReads; ++i) reads->Begin();
    for (const std::string& value : reads->Await()) {
      ++*served;
      if (value == before) ++*stale;
    }
    ASSERT_TRUE(cluster_.AwaitHealthy(kPatience));
  }

  ProcessCluster cluster_{"paused_leader"};
  std::unique_ptr<client::ClusterConnection> connection_;
};

TEST_F(PausedLeaderTest, ServesNoStaleReadWhenItIsWoken) {
  const int rounds = Rounds();
  int served = 0;
  int stale = 0;
  for (int round = 0; round < rounds && !HasFatalFailure(); ++round) Round(round, &served, &stale);
  std::cout << rounds << " pauses: of " << rounds * 2 * kReads << " reads " << served
            << " were served, " << stale << " of them stale\n";
  EXPECT_EQ(stale, 0);
}

}  // namespace
}  // namespace flotilla::cluster_test
