// The server's side of the Raft transport: takes batches off the streams of other stores and hands
// their envelopes on. Bind its acceptor to "flotilla.raft.v1.RaftTransport/Exchange".
//
// Thread: the handler is called on the loop thread.
#ifndef FLOTILLA_COMMON_RPC_RAFT_RECEIVER_H_
#define FLOTILLA_COMMON_RPC_RAFT_RECEIVER_H_

#include <memory>

#include "absl/status/status.h"
#include "common/metrics/registry.h"
#include "common/net/transport.h"
#include "common/rpc/stream.h"

namespace flotilla::raft::v1 {
class CheckedBatch;
}

namespace flotilla::rpc {

class RaftReceiver {
 public:
  // A batch for another store than `store_id`, or from another cluster (unless either side does not
  // know its cluster's id yet, 0), ends its stream with FailedPrecondition and is not delivered;
  // one that was damaged on its way ends it with DataLoss.
  RaftReceiver(StoreId store_id, ClusterId cluster_id, net::MessageHandler handler,
               metrics::Registry* registry);

  // The receiver must outlive the server.
  StreamAcceptor acceptor();

  // Delivers what is well-formed; the status says what is wrong with the batch as a whole.
  absl::Status Deliver(const raft::v1::CheckedBatch& sealed) const;

 private:
  const StoreId store_id_;
  const ClusterId cluster_id_;
  const net::MessageHandler handler_;
  metrics::Counter& received_;
  metrics::Counter& malformed_;
  metrics::Counter& damaged_;
  metrics::Counter& misdirected_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_RAFT_RECEIVER_H_
