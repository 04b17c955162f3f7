// The client's side of a bidirectional stream, as EventLoop::OpenStream opens it. Knows no gRPC.
#ifndef FLOTILLA_COMMON_RPC_CLIENT_STREAM_H_
#define FLOTILLA_COMMON_RPC_CLIENT_STREAM_H_

#include "common/rpc/stream.h"

namespace flotilla::rpc {

// What a handler on the client's side may want to know besides.
class ClientStreamHandler : public StreamHandler {
 public:
  // The stream is on its way to a server that was reached. Not called if it fails before.
  virtual void OnOpened() {}
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_CLIENT_STREAM_H_
