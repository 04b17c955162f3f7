#include "tests/common/pdclient/fake_pd.h"

#include <utility>

namespace flotilla::pdclient {
namespace {

absl::Status NotLeader() { return absl::UnavailableError("not leader"); }

}  // namespace

class FakeMember::Tso : public rpc::TypedStreamHandler<pdpb::TsoRequest, pdpb::TsoResponse> {
 public:
  Tso(FakeMember* member, std::shared_ptr<rpc::StreamControl> control)
      : member_(member), control_(std::move(control)) {}
  bool ReadyToRead() override { return !stands_still_; }
  void OnClosed(const absl::Status& /*status*/) override {}

 protected:
  void OnMessage(pdpb::TsoRequest* request) override {
    if (!member_->leads()) {
      control_->Close(NotLeader());
      return;
    }
    FakeCluster* const cluster = member_->cluster_;
    if (stands_still_ = cluster->tso_stands_still.exchange(false); stands_still_) return;
    pdpb::TsoResponse response;
    response.mutable_header()->set_cluster_id(cluster->cluster_id);
    response.set_count(request->count() + (cluster->tso_count_wrong.exchange(false) ? 1 : 0));
    response.mutable_timestamp()->set_physical(1);
    response.mutable_timestamp()->set_logical(
        static_cast<int64_t>(cluster->next_logical.fetch_add(request->count()) + request->count()));
    EXPECT_TRUE(answers_.TryPush(std::move(response), 1));
  }
  bool Fill(pdpb::TsoResponse* response) override {
    return answers_.TakeUpTo(1, 1, [&](pdpb::TsoResponse next) { *response = std::move(next); }) >
           0;
  }

 private:
  FakeMember* const member_;
  const std::shared_ptr<rpc::StreamControl> control_;
  rpc::StreamQueue<pdpb::TsoResponse> answers_{1000, 1000};
  bool stands_still_ = false;
};

class FakeMember::Heartbeats
    : public rpc::TypedStreamHandler<pdpb::RegionHeartbeatRequest, pdpb::RegionHeartbeatResponse> {
 public:
  Heartbeats(FakeMember* member, std::shared_ptr<rpc::StreamControl> control)
      : member_(member), control_(std::move(control)) {}
  void OnClosed(const absl::Status& /*status*/) override {}

 protected:
  void OnMessage(pdpb::RegionHeartbeatRequest* request) override {
    if (!member_->leads()) {
      control_->Close(NotLeader());
      return;
    }
    pdpb::RegionHeartbeatResponse response;
    response.mutable_header()->set_cluster_id(member_->cluster_->cluster_id);
    response.set_region_id(request->region().id());
    response.mutable_transfer_leader()->mutable_peer()->set_id(request->leader().id() + 1);
    pdpb::RegionHeartbeatResponse word;
    *word.mutable_header() = response.header();
    EXPECT_TRUE(answers_.TryPush(std::move(response), 1));
    if (member_->cluster_->acknowledges.load()) {
      EXPECT_TRUE(answers_.TryPush(std::move(word), 1));
    }
    member_->cluster_->heartbeats.Update(
        [request](auto& all) { all.push_back(std::move(*request)); });
  }
  bool Fill(pdpb::RegionHeartbeatResponse* response) override {
    return answers_.TakeUpTo(
               1, 1, [&](pdpb::RegionHeartbeatResponse next) { *response = std::move(next); }) > 0;
  }

 private:
  FakeMember* const member_;
  const std::shared_ptr<rpc::StreamControl> control_;
  rpc::StreamQueue<pdpb::RegionHeartbeatResponse> answers_{1000, 1000};
};

// It lives and stands still, as behind a length in a frame that is wrong.
template <typename Handler>
class FakeMember::Deaf final : public Handler {
 public:
  using Handler::Handler;
  bool ReadyToRead() override { return false; }
};

FakeMember::FakeMember(FakeCluster* cluster, int index, rpc::ServerOptions options)
    : cluster_(cluster), index_(index), server_(std::move(options)) {
  rpc::Server& server = server_.server();
  server.Bind("pdpb.PD/GetMembers", &FakeMember::GetMembers, this);
  server.Bind("pdpb.PD/IsBootstrapped", &FakeMember::IsBootstrapped, this);
  server.Bind("pdpb.PD/Bootstrap", &FakeMember::Bootstrap, this);
  server.Bind("pdpb.PD/AllocID", &FakeMember::AllocID, this);
  server.Bind("pdpb.PD/GetRegion", &FakeMember::GetRegion, this);
  server.Bind("pdpb.PD/GetStore", &FakeMember::GetStore, this);
  server.Bind("pdpb.PD/ScanRegions", &FakeMember::ScanRegions, this);
  AddStreams();
  server_.Start();
  cluster_->addresses.Update([&](auto& addresses) {
    addresses.resize(std::max<size_t>(addresses.size(), index + 1));
    addresses[index] = "http://" + address();
  });
}

void FakeMember::AddStreams() {
  AddStream<Tso>("pdpb.PD/Tso");
  AddStream<Heartbeats>("pdpb.PD/RegionHeartbeat");
}

template <typename Handler>
void FakeMember::AddStream(const std::string& method) {
  server_.server().AddStream(
      method,
      [this](std::shared_ptr<rpc::StreamControl> control) -> std::shared_ptr<rpc::StreamHandler> {
        return NewHandler<Handler>(std::move(control));
      });
}

template <typename Handler>
std::shared_ptr<rpc::StreamHandler> FakeMember::NewHandler(
    std::shared_ptr<rpc::StreamControl> control) {
  streams_.Update([&](auto& streams) { streams.push_back(control); });
  cluster_->stream_peers.Update([&](auto& peers) { peers.push_back(control->peer()); });
  if (cluster_->deaf_streams.load() > 0) {
    cluster_->deaf_streams.fetch_sub(1);
    return std::make_shared<Deaf<Handler>>(this, std::move(control));
  }
  return std::make_shared<Handler>(this, std::move(control));
}

void FakeMember::EndStreams() {
  for (const auto& stream : streams_.Get()) {
    if (const auto control = stream.lock()) control->Close(NotLeader());
  }
}

template <typename Request, typename Response>
absl::Status FakeMember::Begin(const Request& request, Response* response) const {
  if (!leads()) return NotLeader();
  if (request.header().cluster_id() != cluster_->cluster_id) {
    return absl::InvalidArgumentError("wrong cluster id");
  }
  response->mutable_header()->set_cluster_id(cluster_->cluster_id);
  return absl::OkStatus();
}

void FakeMember::GetMembers(const pdpb::GetMembersRequest& /*request*/,
                            pdpb::GetMembersResponse* response, rpc::Done done) {
  response->mutable_header()->set_cluster_id(cluster_->cluster_id);
  const std::vector<std::string> addresses = cluster_->addresses.Get();
  const int leader = cluster_->leader.Get();
  for (size_t i = 0; i < addresses.size(); ++i) {
    pdpb::Member* const member = response->add_members();
    member->set_name("pd-" + std::to_string(i));
    member->add_client_urls(addresses[i]);
    if (static_cast<int>(i) == leader) *response->mutable_leader() = *member;
  }
  std::move(done)(absl::OkStatus());
}

void FakeMember::IsBootstrapped(const pdpb::IsBootstrappedRequest& request,
                                pdpb::IsBootstrappedResponse* response, rpc::Done done) {
  const absl::Status status = Begin(request, response);
  response->set_bootstrapped(cluster_->bootstrapped);
  std::move(done)(status);
}

void FakeMember::Bootstrap(const pdpb::BootstrapRequest& request, pdpb::BootstrapResponse* response,
                           rpc::Done done) {
  const absl::Status status = Begin(request, response);
  if (status.ok() && cluster_->bootstrapped.exchange(true)) {
    auto* error = response->mutable_header()->mutable_error();
    error->set_type(pdpb::ALREADY_BOOTSTRAPPED);
    error->set_message("the cluster is bootstrapped");
  }
  std::move(done)(status);
}

void FakeMember::AllocID(const pdpb::AllocIDRequest& request, pdpb::AllocIDResponse* response,
                         rpc::Done done) {
  const absl::Status status = Begin(request, response);
  response->set_count(request.count());
  response->set_id(cluster_->next_id.fetch_add(request.count()) + request.count() - 1);
  std::move(done)(status);
}

void FakeMember::GetRegion(const pdpb::GetRegionRequest& request, pdpb::GetRegionResponse* response,
                           rpc::Done done) {
  const absl::Status status = Begin(request, response);
  if (request.region_key() != "nowhere") {
    response->mutable_region()->set_id(5);
    response->mutable_region()->set_start_key(request.region_key());
    response->mutable_leader()->set_store_id(3);
    response->add_pending_peers()->set_id(9);
  }
  std::move(done)(status);
}

void FakeMember::GetStore(const pdpb::GetStoreRequest& request, pdpb::GetStoreResponse* response,
                          rpc::Done done) {
  const absl::Status status = Begin(request, response);
  if (request.store_id() == 1) {
    response->mutable_store()->set_id(1);
    response->mutable_store()->set_address("127.0.0.1:20160");
  } else {
    auto* error = response->mutable_header()->mutable_error();
    error->set_type(pdpb::UNKNOWN);
    error->set_message("invalid store ID " + std::to_string(request.store_id()) + ", not found");
  }
  std::move(done)(status);
}

void FakeMember::ScanRegions(const pdpb::ScanRegionsRequest& request,
                             pdpb::ScanRegionsResponse* response, rpc::Done done) {
  const absl::Status status = Begin(request, response);
  for (int i = 0; i < request.limit(); ++i) {
    response->add_regions()->mutable_region()->set_id(i + 1);
  }
  std::move(done)(status);
}

}  // namespace flotilla::pdclient
