// Asynchronous unary calls. Knows no gRPC.
//
//   CallUnary<RawGetResponse>(&loop, channel, "tikvpb.Tikv/RawGet", request, {},
//                             [](absl::StatusOr<RawGetResponse> response) { ... });
//
// Thread-safe. The callback is called exactly once, on the loop thread.
#ifndef FLOTILLA_COMMON_RPC_CLIENT_CALL_H_
#define FLOTILLA_COMMON_RPC_CLIENT_CALL_H_

#include <memory>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"

namespace flotilla::rpc {

template <typename Response, typename Request>
void CallUnary(EventLoop* loop, const std::shared_ptr<Channel>& channel, std::string_view method,
               const Request& request, const CallOptions& options,
               absl::AnyInvocable<void(absl::StatusOr<Response>) &&> done) {
  loop->CallUnary(
      channel, method, request, std::make_unique<Response>(), options,
      [done = std::move(done)](absl::Status status,
                               std::unique_ptr<google::protobuf::Message> response) mutable {
        if (!status.ok()) {
          std::move(done)(std::move(status));
        } else {
          std::move(done)(std::move(*static_cast<Response*>(response.get())));
        }
      });
}

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_CLIENT_CALL_H_
