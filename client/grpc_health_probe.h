// HealthProbe over the network.
#ifndef FLOTILLA_CLIENT_GRPC_HEALTH_PROBE_H_
#define FLOTILLA_CLIENT_GRPC_HEALTH_PROBE_H_

#include <string>

#include "client/health_probe.h"
#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"

namespace flotilla::client {

class GrpcHealthProbe final : public HealthProbe {
 public:
  // Both must outlive it. Probe is not called on the loop thread.
  GrpcHealthProbe(rpc::EventLoop* loop, rpc::ChannelPool* pool) : loop_(loop), pool_(pool) {}
  absl::Status Probe(const std::string& address) override;

 private:
  rpc::EventLoop* const loop_;
  rpc::ChannelPool* const pool_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_GRPC_HEALTH_PROBE_H_
