// Opens bidirectional streams to servers. Knows no gRPC.
#ifndef FLOTILLA_COMMON_RPC_CLIENT_STREAM_H_
#define FLOTILLA_COMMON_RPC_CLIENT_STREAM_H_

#include <memory>
#include <string_view>

#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"
#include "common/rpc/stream.h"

namespace flotilla::rpc {

// What a handler on the client's side may want to know besides.
class ClientStreamHandler : public StreamHandler {
 public:
  // The stream is on its way to a server that was reached. Not called if it fails before.
  virtual void OnOpened() {}
};

// Opens a stream of `method`, "package.Service/Method". Fails fast, by way of OnClosed, when the
// server cannot be reached. Close of the result cancels it. Null when the loop is stopping: the
// handler is then not called at all. Thread-safe.
std::shared_ptr<StreamControl> OpenStream(EventLoop* loop, const std::shared_ptr<Channel>& channel,
                                          std::string_view method,
                                          std::shared_ptr<ClientStreamHandler> handler);

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_CLIENT_STREAM_H_
