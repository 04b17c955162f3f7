// Where a process' services bind their methods, by their full names "package.Service/Method":
// rpc::Server is production's. Knows no gRPC: a simulator binds the same handlers.
#ifndef FLOTILLA_COMMON_RPC_METHOD_BINDER_H_
#define FLOTILLA_COMMON_RPC_METHOD_BINDER_H_

#include <memory>
#include <string_view>
#include <utility>

#include "common/rpc/done.h"
#include "common/rpc/stream.h"
#include "common/rpc/unary_handler.h"

namespace flotilla::rpc {

class MethodBinder {
 public:
  virtual ~MethodBinder() = default;

  // All methods are bound before the first call is served; `api` and what `gate` uses must outlive
  // those calls.
  template <typename Api, typename Request, typename Response>
  void Bind(std::string_view method, void (Api::*function)(const Request&, Response*, Done),
            Api* api, Gate gate = nullptr) {
    AddUnary(method, MakeUnaryHandler(function, api, std::move(gate)));
  }
  virtual void AddUnary(std::string_view method, std::unique_ptr<UnaryHandler> handler) = 0;
  virtual void AddStream(std::string_view method, StreamAcceptor acceptor) = 0;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_METHOD_BINDER_H_
