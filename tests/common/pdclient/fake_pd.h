// PD members over loopback that answer just enough: who leads is what the test says.
#ifndef FLOTILLA_TESTS_COMMON_PDCLIENT_FAKE_PD_H_
#define FLOTILLA_TESTS_COMMON_PDCLIENT_FAKE_PD_H_

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/rpc/stream.h"
#include "common/rpc/stream_queue.h"
#include "tests/common/rpc/loopback.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pdclient {

// What the members of one fake PD share: a replicated state that cannot fail.
struct FakeCluster {
  static constexpr int kNoLeader = -1;
  uint64_t cluster_id = 77;
  rpc::Box<int> leader;
  std::atomic<uint64_t> next_id{100};
  std::atomic<uint64_t> next_logical{0};
  std::atomic<bool> bootstrapped{false};
  // Answers of these streams are wrong from now on.
  std::atomic<bool> tso_count_wrong{false};
  // So many streams from now on are opened, and then neither read nor answered.
  std::atomic<int> deaf_streams{0};
  // Where each stream came from, by connection.
  rpc::Box<std::vector<std::string>> stream_peers;
  // The next request is the last that its stream of timestamps reads, and is not answered.
  std::atomic<bool> tso_stands_still{false};
  // False: region heartbeats are not acknowledged, though instructions come back.
  std::atomic<bool> acknowledges{true};
  rpc::Box<std::vector<pdpb::RegionHeartbeatRequest>> heartbeats;
  rpc::Box<std::vector<std::string>> addresses;
};

class FakeMember {
 public:
  FakeMember(FakeCluster* cluster, int index, rpc::ServerOptions options = {});
  ~FakeMember() { Stop(); }

  std::string address() const { return server_.address(); }
  void Stop() { server_.Stop(std::chrono::seconds(0)); }
  // Ends the streams, as a leader does that steps down.
  void EndStreams();

  void GetMembers(const pdpb::GetMembersRequest& request, pdpb::GetMembersResponse* response,
                  rpc::Done done);
  void IsBootstrapped(const pdpb::IsBootstrappedRequest& request,
                      pdpb::IsBootstrappedResponse* response, rpc::Done done);
  void Bootstrap(const pdpb::BootstrapRequest& request, pdpb::BootstrapResponse* response,
                 rpc::Done done);
  void AllocID(const pdpb::AllocIDRequest& request, pdpb::AllocIDResponse* response,
               rpc::Done done);
  void GetRegion(const pdpb::GetRegionRequest& request, pdpb::GetRegionResponse* response,
                 rpc::Done done);
  void GetStore(const pdpb::GetStoreRequest& request, pdpb::GetStoreResponse* response,
                rpc::Done done);
  void ScanRegions(const pdpb::ScanRegionsRequest& request, pdpb::ScanRegionsResponse* response,
                   rpc::Done done);

 private:
  class Tso;
  class Heartbeats;
  template <typename Handler>
  class Deaf;

  bool leads() const { return cluster_->leader.Get() == index_; }
  // Refuses unless this member leads and the request is of this cluster.
  template <typename Request, typename Response>
  absl::Status Begin(const Request& request, Response* response) const;
  void AddStreams();
  template <typename Handler>
  void AddStream(const std::string& method);
  template <typename Handler>
  std::shared_ptr<rpc::StreamHandler> NewHandler(std::shared_ptr<rpc::StreamControl> control);

  FakeCluster* const cluster_;
  const int index_;
  rpc::TestServer server_;
  rpc::Box<std::vector<std::weak_ptr<rpc::StreamControl>>> streams_;
};

}  // namespace flotilla::pdclient

#endif  // FLOTILLA_TESTS_COMMON_PDCLIENT_FAKE_PD_H_
