// A gRPC server on an event loop. Methods are bound by their full names to handlers that know no
// gRPC; what is not bound is answered UNIMPLEMENTED. The health service is always there.
//
//   Server server(options, &loop, &registry);
//   server.Bind("tikvpb.Tikv/RawGet", &KvApi::RawGet, &api);
//   server.AddStream("tikvpb.Tikv/BatchCommands", acceptor);
//   RETURN_IF_ERROR(server.Start());
//   ...
//   server.Shutdown(std::chrono::seconds(5));   // then stop the loop
#ifndef FLOTILLA_COMMON_RPC_SERVER_H_
#define FLOTILLA_COMMON_RPC_SERVER_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"
#include "common/rpc/grpc_event_loop.h"
#include "common/rpc/in_flight.h"
#include "common/rpc/method_binder.h"
#include "common/rpc/stream.h"
#include "common/rpc/unary_handler.h"

namespace flotilla::rpc {

struct ServerOptions {
  // host:port; port 0 takes any free one (rpc::Listen says more).
  std::string listen_address = "127.0.0.1:0";
  // Prefix of the metrics' label `server`, such as "store" or "pd".
  std::string name = "server";
  // Largest message that is accepted; a larger one fails its call with RESOURCE_EXHAUSTED.
  size_t max_receive_bytes = 64 << 20;
  // Connections that may be open at once; more are closed as soon as they are there.
  size_t max_connections = 10'000;
  // The same of one address, so that one client that goes wrong leaves room for the others. 0:
  // three quarters of `max_connections`.
  size_t max_connections_per_address = 0;
  // A new connection that has not become one of HTTP/2 by then is closed.
  env::Duration handshake_timeout = std::chrono::seconds(10);
  // A connection on which nothing came for `keepalive_interval` is pinged; without an answer within
  // `keepalive_timeout` it is closed. Finds clients whose machine stopped without a word.
  env::Duration keepalive_interval = std::chrono::seconds(10);
  env::Duration keepalive_timeout = std::chrono::seconds(5);
  // Unary calls that may be under way at once; more are refused with RESOURCE_EXHAUSTED.
  size_t max_unary_calls = 100'000;
  // Of the calls among them that can be told ServerIsBusy. Null: there is no other limit. Must
  // outlive the server.
  InFlight* in_flight = nullptr;
  // Bidirectional streams that may be open at once; more are refused likewise.
  size_t max_streams = 10'000;
  // Calls and streams on one connection; more wait at the client. gRPC keeps those that the loop
  // thread has not looked at in a line, in which messages of Raft wait behind the calls of all
  // connections: it must be short.
  int max_concurrent_streams = 512;
  // Calls of one method that the server is ready to take before the loop thread looks again.
  int accepts_per_method = 16;
  // A draining server takes its clients for gone when no unary call came for so long. Until then it
  // answers them: what comes after gRPC's shutdown is cancelled, and its client cannot know what
  // became of it.
  env::Duration drain_quiet = std::chrono::milliseconds(50);
  // Leaves out the transport's filters for message size, compression and tracing, which makes a
  // unary call about a sixth cheaper. Only where every client is trusted: `max_receive_bytes` does
  // not hold then, and compressed requests are not understood.
  bool minimal_stack = false;
  // Memory for the transport's own buffers; near it connections are refused and reads wait.
  size_t transport_memory_bytes = size_t{1} << 30;
};

class Server final : public MethodBinder {
 public:
  // The loop serves this server only. `loop` and `registry` must outlive the server.
  Server(ServerOptions options, GrpcEventLoop* loop, metrics::Registry* registry);
  // REQUIRES: never started, or shut down.
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // All methods are bound before Start. That there is such a method, with these messages, is
  // checked against the descriptors.
  void AddUnary(std::string_view method, std::unique_ptr<UnaryHandler> handler) override;
  void AddStream(std::string_view method, StreamAcceptor acceptor) override;

  // Unavailable when the address cannot be listened on, InvalidArgument when it is not host:port.
  absl::Status Start();
  // The port that is listened on. REQUIRES: started.
  int port() const;

  // What health checks of the whole server (service "") answer; serving from Start on.
  void SetServing(bool serving);

  // Says NOT_SERVING, ends each stream once nothing is outstanding on it and no message came for a
  // moment (those that answer no requests when no request waits any more, or half of `grace` is
  // over), stops listening, and cancels what is still under way after `grace`. Blocks; idempotent.
  // REQUIRES: not on the loop thread.
  void Shutdown(env::Duration grace);

 private:
  class Impl;
  GrpcEventLoop* const loop_;
  std::shared_ptr<Impl> impl_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_SERVER_H_
