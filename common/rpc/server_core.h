// What the calls of one server share. Internal to common/rpc; includes gRPC.
#ifndef FLOTILLA_COMMON_RPC_SERVER_CORE_H_
#define FLOTILLA_COMMON_RPC_SERVER_CORE_H_

#include <google/protobuf/message_lite.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <deque>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/metrics/registry.h"
#include "common/rpc/completion.h"
#include "common/rpc/grpc_event_loop.h"
#include "common/rpc/server.h"

namespace flotilla::rpc {

// A gRPC service whose methods are added at run time, all for the completion queue.
class DynamicService final : public grpc::Service {
 public:
  enum class Kind { kUnary, kStream };
  // Returns the method's index.
  int Add(std::string_view method, Kind kind);

  void RequestUnary(int index, grpc::ServerContext* context, grpc::ByteBuffer* request,
                    grpc::internal::ServerAsyncStreamingInterface* responder,
                    grpc::ServerCompletionQueue* queue, Completion* tag) {
    RequestAsyncUnary(index, context, request, responder, queue, queue, tag->HandOver());
  }
  void RequestStream(int index, grpc::ServerContext* context,
                     grpc::internal::ServerAsyncStreamingInterface* responder,
                     grpc::ServerCompletionQueue* queue, Completion* tag) {
    RequestAsyncBidiStreaming(index, context, responder, queue, queue, tag->HandOver());
  }

 private:
  // gRPC keeps pointers to the names.
  std::deque<std::string> names_;
};

// Counts of one method; cheap enough for every call.
struct MethodMetrics {
  MethodMetrics(metrics::Registry* registry, const std::string& server, const std::string& method);
  metrics::Counter& requests;
  metrics::Counter& errors;
  metrics::Histogram& seconds;
};

// Counts the calls and streams that gRPC still knows of; a server waits for none.
class LiveCalls {
 public:
  void Add() { count_.fetch_add(1); }
  void Remove() {
    if (count_.fetch_sub(1) != 1) return;
    MutexLock lock(mutex_);
    none_.NotifyAll();
  }
  // False when some are left after `timeout`.
  bool WaitForNone(env::Duration timeout);

 private:
  std::atomic<size_t> count_{0};
  Mutex mutex_;
  CondVar none_;
};

struct ServerCore {
  ServerCore(ServerOptions options, GrpcEventLoop* loop, metrics::Registry* registry);

  const ServerOptions options;
  GrpcEventLoop* const loop;
  metrics::Registry* const registry;
  metrics::Gauge& open_streams;
  metrics::Counter& refused;
  metrics::Counter& expired;
  DynamicService service;
  // Unary calls that a handler has and has not answered.
  std::atomic<size_t> unary_calls{0};
  LiveCalls live_calls;
  // Loop thread only.
  size_t stream_count = 0;
  env::Instant last_unary_call;
  bool draining = false;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_SERVER_CORE_H_
