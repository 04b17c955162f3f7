// The PD client over the network: finds the leader among the members, follows it, and tries again
// with backoff until a call's time is over.
#ifndef FLOTILLA_COMMON_PDCLIENT_GRPC_PD_CLIENT_H_
#define FLOTILLA_COMMON_PDCLIENT_GRPC_PD_CLIENT_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/env/random.h"
#include "common/metrics/registry.h"
#include "common/pdclient/pd_client.h"
#include "common/rpc/backoff.h"
#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"
#include "common/rpc/stall_watch.h"

namespace flotilla::pdclient {

struct GrpcPdClientOptions {
  // Some of PD's members, "host:port" or "http://host:port". At least one.
  std::vector<std::string> endpoints;
  // A call ends after this time at the latest, whatever was tried in it.
  env::Duration call_timeout = std::chrono::seconds(10);
  // One attempt at a call.
  env::Duration attempt_timeout = std::chrono::seconds(3);
  // Between attempts, and between streams.
  rpc::BackoffOptions backoff = {std::chrono::milliseconds(20), std::chrono::milliseconds(300)};
  // Timestamps and heartbeats that may wait for a leader.
  size_t max_waiting_timestamps = 100'000;
  size_t max_waiting_heartbeats = 1'000'000;
  // How long the stream of timestamps may give none while it owes some. PD makes them from memory:
  // who lives and leads answers in milliseconds. A call is so asked three times before it ends.
  rpc::StallWatchOptions tso_stall = {.timeout = std::chrono::seconds(3),
                                      .max_timeout = std::chrono::seconds(3)};
  // How long PD may owe an answer to region heartbeats; it comes after a second or so. Longer after
  // streams without any, such as a PD's that knows no answers.
  rpc::StallWatchOptions heartbeat_stall = {.timeout = std::chrono::seconds(10),
                                            .max_timeout = std::chrono::seconds(80)};
  // Streams that were given up because they stood still are counted here. May be null; must
  // outlive the loop.
  metrics::Registry* metrics = nullptr;
};

class GrpcPdClient final : public PdClient {
 public:
  // `loop` and `pool` must outlive the client.
  GrpcPdClient(GrpcPdClientOptions options, rpc::EventLoop* loop, rpc::ChannelPool* pool,
               env::Random random);
  // Calls that are under way end with Cancelled, soon; their callbacks may come until the loop has
  // stopped. The heartbeat listener is not called any more.
  ~GrpcPdClient() override;

  ClusterId cluster_id() const override;
  void GetTimestamps(uint32_t count, Callback<Timestamp> done) override;
  void SendRegionHeartbeat(pdpb::RegionHeartbeatRequest heartbeat) override;
  void SetHeartbeatListener(HeartbeatListener* listener) override;
  void Call(std::string_view method, std::unique_ptr<Message> request,
            std::unique_ptr<Message> response,
            absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) override;

 private:
  struct Shared;
  class PendingCall;

  const std::shared_ptr<Shared> shared_;
};

// True when `status` says that the server asked is not, or not any more, PD's leader.
bool SaysNotLeader(const absl::Status& status);

}  // namespace flotilla::pdclient

#endif  // FLOTILLA_COMMON_PDCLIENT_GRPC_PD_CLIENT_H_
