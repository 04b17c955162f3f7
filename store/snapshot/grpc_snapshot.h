// Carries the streams of snapshots over gRPC (proto/flotilla/snapshot.proto).
//
// Thread-safe. Snapshots have a connection of their own to each store: heartbeats do not wait
// behind their blocks.
#ifndef FLOTILLA_STORE_SNAPSHOT_GRPC_SNAPSHOT_H_
#define FLOTILLA_STORE_SNAPSHOT_GRPC_SNAPSHOT_H_

#include <functional>
#include <memory>

#include "common/base/ids.h"
#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"
#include "common/rpc/grpc_transport.h"
#include "common/rpc/stream.h"
#include "store/snapshot/stream.h"

namespace flotilla::store {

inline constexpr std::string_view kSnapshotMethod = "flotilla.snapshot.v1.SnapshotTransport/Send";

// This store and its cluster; a cluster id of 0 is not checked by the receiver.
struct SnapshotOrigin {
  StoreId store_id;
  ClusterId cluster_id;
};

class GrpcSnapshotConnector final : public SnapshotConnector {
 public:
  // `loop` and `pool` must outlive the connector and its streams, which end with the loop.
  GrpcSnapshotConnector(const SnapshotOrigin& self, rpc::EventLoop* loop, rpc::ChannelPool* pool,
                        rpc::AddressResolver resolver);
  ~GrpcSnapshotConnector() override;

  std::shared_ptr<OutgoingSnapshot> Open(StoreId to,
                                         std::shared_ptr<OutgoingSnapshotHandler> handler) override;

 private:
  class Link;

  const SnapshotOrigin self_;
  rpc::EventLoop* const loop_;
  rpc::ChannelPool* const pool_;
  const rpc::AddressResolver resolver_;
};

// The server's side: what SnapshotService::Accept makes of streams. Bind to kSnapshotMethod:
//   server.AddStream(kSnapshotMethod, SnapshotAcceptor(self, accept));
// A snapshot for another store, or from another cluster, is refused with FailedPrecondition.
using AcceptSnapshot =
    std::function<std::shared_ptr<IncomingSnapshot>(std::shared_ptr<IncomingSnapshotControl>)>;
rpc::StreamAcceptor SnapshotAcceptor(const SnapshotOrigin& self, AcceptSnapshot accept);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_GRPC_SNAPSHOT_H_
