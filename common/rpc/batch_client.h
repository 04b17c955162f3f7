// Many requests to one store on one BatchCommands stream: whatever waits when the stream can send
// goes out in one message, and answers come back in any order.
//
// Thread-safe. What a callback is given when there is no answer:
//   Unavailable        the request was never sent, or the server ended the stream without reading
//                      it: it did not take effect. At once while the client waits before it
//                      connects again.
//   DeadlineExceeded   likewise never sent, and its time was over
//   undetermined       (errors::IsUndetermined) it was sent, and whether it took effect is unknown
//   Unimplemented      the server does not know the command
//   ResourceExhausted  too many requests wait for this store; never sent
//   Cancelled          the client was stopped; never sent
#ifndef FLOTILLA_COMMON_RPC_BATCH_CLIENT_H_
#define FLOTILLA_COMMON_RPC_BATCH_CLIENT_H_

#include <cstddef>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/env/random.h"
#include "common/rpc/backoff.h"
#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"
#include "common/rpc/reconnecting_stream.h"
#include "tikv/tikvpb.pb.h"

namespace flotilla::rpc {

struct BatchClientOptions {
  // Requests that wait for an answer, and the bytes of those that wait to be sent.
  size_t max_pending = 1 << 20;
  size_t max_queued_bytes = 256 << 20;
  // What one message to the server may hold.
  size_t max_batch_requests = 512;
  size_t max_batch_bytes = 2 << 20;
  BackoffOptions backoff;
};

class BatchClient {
 public:
  using Request = tikvpb::BatchCommandsRequest::Request;
  using Response = tikvpb::BatchCommandsResponse::Response;
  using Callback = absl::AnyInvocable<void(absl::StatusOr<Response>) &&>;

  // `loop` must outlive the client.
  BatchClient(EventLoop* loop, std::shared_ptr<Channel> channel, const BatchClientOptions& options,
              env::Random random);
  // Ends every request that still waits, by its callback.
  ~BatchClient();
  BatchClient(const BatchClient&) = delete;
  BatchClient& operator=(const BatchClient&) = delete;

  // Calls `done` exactly once: on the loop thread, or before Send returns when the request is
  // refused at once. Deadlines are looked at every 20 ms.
  // REQUIRES: the loop has not stopped.
  void Send(Request request, env::Duration timeout, Callback done);

  // Requests that wait for an answer.
  size_t pending() const;

 private:
  class Pending;
  class Delegate;
  const std::shared_ptr<Delegate> delegate_;
  const std::shared_ptr<ReconnectingStream> stream_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_BATCH_CLIENT_H_
