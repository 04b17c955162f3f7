// Binds an RPC to a method of an API class, with its types erased so that the gRPC code behind it
// is compiled once. Knows no gRPC: a simulator calls the same handlers.
#ifndef FLOTILLA_COMMON_RPC_UNARY_HANDLER_H_
#define FLOTILLA_COMMON_RPC_UNARY_HANDLER_H_

#include <google/protobuf/message.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "common/base/check.h"
#include "common/env/clock.h"
#include "common/errors/region_error.h"
#include "common/rpc/done.h"

namespace flotilla::rpc {

// Callers whose transport tells no deadline.
inline constexpr env::Duration kNoDeadline = env::Duration::max();

// The caller's deadline is told twice: by the transport, and by requests of the public protocol in
// their context. Afterwards the context has the sooner one, so that every queue goes by it.
template <typename Context>
void LimitExecution(Context& context, env::Duration allowed) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(allowed).count();
  const auto left_ms = static_cast<uint64_t>(std::max<int64_t>(left, 1));
  const uint64_t asked_ms = context.max_execution_duration_ms();
  if (asked_ms == 0 || left_ms < asked_ms) context.set_max_execution_duration_ms(left_ms);
}

// Says of a request of so many bytes, whose caller waits for `allowed`, whether there is room for
// it: OK, or a region error. Asked on the loop thread before the request is parsed, so that a
// refusal costs little. Must not block.
using Gate = std::function<absl::Status(size_t bytes, env::Duration allowed)>;

// Thread-safe as the API behind it is.
class UnaryHandler {
 public:
  using Message = google::protobuf::Message;

  virtual ~UnaryHandler() = default;
  virtual std::unique_ptr<Message> NewRequest() const = 0;
  virtual std::unique_ptr<Message> NewResponse() const = 0;
  // The messages are of the types that the two above make, and live until `done` was called. The
  // caller waits for `allowed`, or kNoDeadline.
  virtual void Handle(Message& request, Message* response, env::Duration allowed, Done done) = 0;
  // Responses have a place for region errors, and so for ServerIsBusy: these calls are limited.
  virtual bool HasRegionErrors() const = 0;
  // What its gate says. OK where there is none.
  virtual absl::Status Admit(size_t bytes, env::Duration allowed) const = 0;
  // Puts the region error into `response`. REQUIRES: HasRegionErrors.
  virtual void Refuse(const absl::Status& error, Message* response) const = 0;
};

template <typename Api, typename Request, typename Response>
class ApiMethod final : public UnaryHandler {
 public:
  using Method = void (Api::*)(const Request&, Response*, Done);

  // `api` must outlive the handler. `gate` may be null.
  ApiMethod(Method method, Api* api, Gate gate)
      : method_(method), api_(api), gate_(std::move(gate)) {
    CHECK(kHasRegionErrors || gate_ == nullptr);
  }

  std::unique_ptr<Message> NewRequest() const override { return std::make_unique<Request>(); }
  std::unique_ptr<Message> NewResponse() const override { return std::make_unique<Response>(); }
  void Handle(Message& message, Message* response, env::Duration allowed, Done done) override {
    auto& request = static_cast<Request&>(message);
    if constexpr (requires { request.mutable_context()->max_execution_duration_ms(); }) {
      if (allowed != kNoDeadline) LimitExecution(*request.mutable_context(), allowed);
    }
    (api_->*method_)(request, static_cast<Response*>(response), std::move(done));
  }
  bool HasRegionErrors() const override { return kHasRegionErrors; }
  absl::Status Admit(size_t bytes, env::Duration allowed) const override {
    return gate_ == nullptr ? absl::OkStatus() : gate_(bytes, allowed);
  }
  void Refuse(const absl::Status& error, Message* response) const override {
    if constexpr (kHasRegionErrors) {
      errors::ToRegionError(error, static_cast<Response*>(response)->mutable_region_error());
    }
  }

 private:
  static constexpr bool kHasRegionErrors = requires(Response & response) {
    response.mutable_region_error();
  };

  const Method method_;
  Api* const api_;
  const Gate gate_;
};

template <typename Api, typename Request, typename Response>
std::unique_ptr<UnaryHandler> MakeUnaryHandler(void (Api::*method)(const Request&, Response*, Done),
                                               Api* api, Gate gate = nullptr) {
  return std::make_unique<ApiMethod<Api, Request, Response>>(method, api, std::move(gate));
}

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_UNARY_HANDLER_H_
