// The one adapter between gRPC's unary calls and handlers. Internal to common/rpc; includes gRPC.
//
// Threads: all on the loop thread; a handler may call back on any thread.
#ifndef FLOTILLA_COMMON_RPC_UNARY_CALL_H_
#define FLOTILLA_COMMON_RPC_UNARY_CALL_H_

#include <grpcpp/support/async_unary_call.h>

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
  // False, and answered, when too much is in flight already.
  bool Enter();
  void AnswerOnLoop(absl::Status status);
  void Answer(const absl::Status& status);
  void Reset();

  UnaryMethod* const method_;
  // Under way: a handler has it, or its answer is being sent. Otherwise it waits for a call.
  bool taken_ = false;
  env::Instant started_;
  // In the server's InFlight; 0: not counted.
  size_t counted_bytes_ = 0;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<google::protobuf::MessageLite>> writer_;
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
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_UNARY_CALL_H_
