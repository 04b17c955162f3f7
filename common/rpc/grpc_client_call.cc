// Unary calls of the event loop over gRPC: one object a call, which the completion queue holds
// until the call is over.

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/async_unary_call.h>

#include <string>

#include "common/rpc/channel.h"
#include "common/rpc/completion.h"
#include "common/rpc/grpc_event_loop.h"
#include "common/rpc/grpc_status.h"

namespace flotilla::rpc {
namespace {

using MessageLite = google::protobuf::MessageLite;
using Stub = grpc::TemplatedGenericStub<MessageLite, MessageLite>;

class ClientCall final : public Completion, public GrpcEventLoop::Operation {
 public:
  ClientCall(GrpcEventLoop* loop, std::shared_ptr<Channel> channel,
             std::unique_ptr<google::protobuf::Message> response, EventLoop::UnaryDone done)
      : loop_(loop),
        channel_(std::move(channel)),
        response_(std::move(response)),
        done_(std::move(done)) {}

  void Start(const std::string& path, const google::protobuf::Message& request,
             const CallOptions& options) {
    context_.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                       gpr_time_from_nanos(options.timeout.count(), GPR_TIMESPAN)));
    context_.set_wait_for_ready(options.wait_for_ready);
    Stub stub(channel_->grpc_channel());
    reader_ = stub.PrepareUnaryCall(&context_, path, request, loop_->queue());
    reader_->StartCall();
    reader_->Finish(response_.get(), &status_, HandOver());
  }

  void Refuse() { std::move(done_)(absl::CancelledError("the event loop is stopping"), nullptr); }

  void Cancel() override { context_.TryCancel(); }

  void OnCompletion(bool /*ok*/) override {
    loop_->Unregister(this);
    const std::unique_ptr<ClientCall> self(this);
    std::move(done_)(FromGrpc(status_, context_), std::move(response_));
  }

 private:
  GrpcEventLoop* const loop_;
  const std::shared_ptr<Channel> channel_;
  std::unique_ptr<google::protobuf::Message> response_;
  EventLoop::UnaryDone done_;
  grpc::ClientContext context_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<MessageLite>> reader_;
};

}  // namespace

void GrpcEventLoop::CallUnary(const std::shared_ptr<Channel>& channel, std::string_view method,
                              const Message& request, std::unique_ptr<Message> response,
                              const CallOptions& options, UnaryDone done) {
  auto call = std::make_unique<ClientCall>(this, channel, std::move(response), std::move(done));
  if (!Register(call.get())) {
    call->Refuse();
    return;
  }
  // From here on the completion queue holds it.
  call.release()->Start("/" + std::string(method), request, options);
}

}  // namespace flotilla::rpc
