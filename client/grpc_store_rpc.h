// Stores over gRPC: commands that the batch stream knows go on one stream a store, or all as unary
// calls, as ClientOptions::transport says.
#ifndef FLOTILLA_CLIENT_GRPC_STORE_RPC_H_
#define FLOTILLA_CLIENT_GRPC_STORE_RPC_H_

#include <map>
#include <memory>
#include <string>

#include "client/store_rpc.h"
#include "common/base/mutex.h"
#include "common/env/random.h"
#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"
#include "flotilla/client/options.h"

namespace flotilla::client {

class GrpcStoreConnector final : public StoreConnector {
 public:
  // `loop` and `pool` must outlive it and its connections.
  GrpcStoreConnector(rpc::EventLoop* loop, rpc::ChannelPool* pool, Transport transport,
                     env::Random random);
  ~GrpcStoreConnector() override;

  std::shared_ptr<StoreConnection> Connect(const std::string& address) override;
  // REQUIRES: the loop has not stopped.
  void Shutdown() override;

 private:
  class Connection;

  rpc::EventLoop* const loop_;
  rpc::ChannelPool* const pool_;
  const Transport transport_;
  Mutex mutex_;
  bool is_shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  env::Random random_ ABSL_GUARDED_BY(mutex_);
  // By address: a store that moves back finds its connection again. Bounded by the addresses that
  // stores ever had.
  std::map<std::string, std::shared_ptr<Connection>> connections_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_GRPC_STORE_RPC_H_
