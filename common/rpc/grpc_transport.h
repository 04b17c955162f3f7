// The network between the members of Raft groups, over gRPC: one stream to each other store, on a
// connection of its own, carrying the messages of all regions in batches
// (proto/flotilla/raft.proto).
//
// Thread-safe. Messages are queued and encoded on the loop thread. They are dropped, and the store
// reported unreachable, when its queue is full or its stream breaks; Raft repeats what matters. A
// stream that stands still is broken, and its connection with it (stall_watch.h).
#ifndef FLOTILLA_COMMON_RPC_GRPC_TRANSPORT_H_
#define FLOTILLA_COMMON_RPC_GRPC_TRANSPORT_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/env/random.h"
#include "common/metrics/registry.h"
#include "common/net/transport.h"
#include "common/rpc/backoff.h"
#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"
#include "common/rpc/stall_watch.h"

namespace flotilla::rpc {

struct GrpcTransportOptions {
  // This store, and its cluster; a cluster id of 0 is not checked by the receiver.
  StoreId store_id;
  ClusterId cluster_id;
  // What may wait for one store.
  size_t max_queue_messages = 65'536;
  size_t max_queue_bytes = 64 << 20;
  // What goes into one batch.
  size_t max_batch_messages = 1024;
  size_t max_batch_bytes = 1 << 20;
  BackoffOptions backoff;
  StallWatchOptions stall = {};
};

// Finds a store's host:port. Called on the loop thread before each attempt to connect; must not
// block, and calls its callback once, on any thread.
using AddressResolver = absl::AnyInvocable<void(
    StoreId, absl::AnyInvocable<void(absl::StatusOr<std::string>) &&>) const>;

class GrpcTransport final : public net::Transport {
 public:
  // `loop`, `pool` and `registry` must outlive the transport.
  GrpcTransport(const GrpcTransportOptions& options, EventLoop* loop, ChannelPool* pool,
                AddressResolver resolver, net::UnreachableHandler unreachable,
                metrics::Registry* registry);
  // Stops first. The handlers are not called any more once the loop has stopped as well.
  ~GrpcTransport() override;

  // A message to this store itself is a programmer error of the host.
  void Send(net::Envelope envelope) override;

  // Closes the streams to all stores; later messages are dropped.
  void Stop();
  // Closes the stream to a store that is gone for good.
  void Forget(StoreId store_id);

 private:
  struct Shared;
  class Link;

  std::shared_ptr<Link> LinkTo(StoreId store_id);

  const std::shared_ptr<Shared> shared_;
  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<StoreId, std::shared_ptr<Link>> links_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_GRPC_TRANSPORT_H_
