// The one adapter between gRPC's unary calls and handlers. Internal to common/rpc; includes gRPC.
//
// Requests come as bytes and are parsed here, once it is known that they will be served: under
// overload most are refused, and then parsing is most of what a refusal costs.
//
// Threads: all on the loop thread; a handler may call back on any thread.
#ifndef FLOTILLA_COMMON_RPC_UNARY_CALL_H_
#define FLOTILLA_COMMON_RPC_UNARY_CALL_H_

#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/rpc/server_core.h"
#include "common/rpc/unary_handler.h"

namespace flotilla::rpc {

class UnaryMethod;

// One call, from the offer to take one to the answer; then used again for another one.
class UnaryCall final : public Completion {
 public:
  explicit UnaryCall(UnaryMethod* method);

  // Offers to take a call.
  void Accept();
  void OnCompletion(bool ok) override;

 private:
  void Handle();
  // Each false, and answered, when the call must not go on: nobody waits for it any more, too much
  // is in flight or the handler has no room, its request is no message.
  bool CheckCall(env::Duration allowed);
  bool Enter(env::Duration allowed);
  bool Parse();
  void Refuse(const absl::Status& error);
  void AnswerOnLoop(absl::Status status);
  void Answer(const absl::Status& status);
  void Reset();

  UnaryMethod* const method_;
  // Under way: a handler has it, or its answer is being sent. Otherwise it waits for a call.
  bool taken_ = false;
  env::Instant started_;
  // In the server's InFlight; 0: not counted.
  size_t counted_bytes_ = 0;
  size_t request_bytes_ = 0;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>> writer_;
  grpc::ByteBuffer incoming_;
  std::unique_ptr<google::protobuf::Message> request_;
  std::unique_ptr<google::protobuf::Message> response_;
};

class UnaryMethod {
 public:
  UnaryMethod(const std::string& name, std::unique_ptr<UnaryHandler> handler, ServerCore* core);
  ~UnaryMethod();

  // Loop thread. One more offer.
  void AcceptOne();
  void Recycle(UnaryCall* call);
  // A response with this region error. Under overload it is the same one all the time, and made
  // once.
  const grpc::ByteBuffer& Refusal(const absl::Status& error);

  ServerCore* core() { return core_; }
  UnaryHandler* handler() { return handler_.get(); }
  const MethodMetrics& metrics() const { return metrics_; }
  int index() const { return index_; }

 private:
  ServerCore* const core_;
  const std::unique_ptr<UnaryHandler> handler_;
  const int index_;
  const MethodMetrics metrics_;
  std::vector<std::unique_ptr<UnaryCall>> free_;
  absl::Status refused_with_;
  grpc::ByteBuffer refusal_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_UNARY_CALL_H_
