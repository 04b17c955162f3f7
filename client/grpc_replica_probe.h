// ReplicaProbe over the network.
#ifndef FLOTILLA_CLIENT_GRPC_REPLICA_PROBE_H_
#define FLOTILLA_CLIENT_GRPC_REPLICA_PROBE_H_

#include <string>

#include "client/replica_probe.h"
#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"

namespace flotilla::client {

class GrpcReplicaProbe final : public ReplicaProbe {
 public:
  // Both must outlive it. Check is not called on the loop thread.
  GrpcReplicaProbe(rpc::EventLoop* loop, rpc::ChannelPool* pool) : loop_(loop), pool_(pool) {}
  absl::StatusOr<repair::v1::CheckRegionResponse> Check(
      const std::string& address, const repair::v1::CheckRegionRequest& request,
      env::Duration timeout) override;

 private:
  rpc::EventLoop* const loop_;
  rpc::ChannelPool* const pool_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_GRPC_REPLICA_PROBE_H_
