// Binds an RPC to a method of an API class, with its types erased so that the gRPC code behind it
// is compiled once. Knows no gRPC: a simulator calls the same handlers.
#ifndef FLOTILLA_COMMON_RPC_UNARY_HANDLER_H_
#define FLOTILLA_COMMON_RPC_UNARY_HANDLER_H_

#include <google/protobuf/message.h>

#include <memory>
#include <utility>

#include "common/rpc/done.h"

namespace flotilla::rpc {

// Thread-safe as the API behind it is.
class UnaryHandler {
 public:
  using Message = google::protobuf::Message;

  virtual ~UnaryHandler() = default;
  virtual std::unique_ptr<Message> NewRequest() const = 0;
  virtual std::unique_ptr<Message> NewResponse() const = 0;
  // The messages are of the types that the two above make, and live until `done` was called.
  virtual void Handle(const Message& request, Message* response, Done done) = 0;
};

template <typename Api, typename Request, typename Response>
class ApiMethod final : public UnaryHandler {
 public:
  using Method = void (Api::*)(const Request&, Response*, Done);

  // `api` must outlive the handler.
  ApiMethod(Method method, Api* api) : method_(method), api_(api) {}

  std::unique_ptr<Message> NewRequest() const override { return std::make_unique<Request>(); }
  std::unique_ptr<Message> NewResponse() const override { return std::make_unique<Response>(); }
  void Handle(const Message& request, Message* response, Done done) override {
    (api_->*method_)(static_cast<const Request&>(request), static_cast<Response*>(response),
                     std::move(done));
  }

 private:
  const Method method_;
  Api* const api_;
};

template <typename Api, typename Request, typename Response>
std::unique_ptr<UnaryHandler> MakeUnaryHandler(void (Api::*method)(const Request&, Response*, Done),
                                               Api* api) {
  return std::make_unique<ApiMethod<Api, Request, Response>>(method, api);
}

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_UNARY_HANDLER_H_
