// The methods that a simulated process serves.
//
// Not thread-safe: all of a simulation runs in one thread.
#ifndef FLOTILLA_TESTS_SIM_RPC_SIM_SERVER_H_
#define FLOTILLA_TESTS_SIM_RPC_SIM_SERVER_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/rpc/method_binder.h"

namespace flotilla::sim {

class SimServer final : public rpc::MethodBinder {
 public:
  void AddUnary(std::string_view method, std::unique_ptr<rpc::UnaryHandler> handler) override {
    unary_[std::string(method)] = std::move(handler);
  }
  void AddStream(std::string_view method, rpc::StreamAcceptor acceptor) override {
    streams_[std::string(method)] = std::move(acceptor);
  }

  // Null: there is no such method.
  rpc::UnaryHandler* FindUnary(const std::string& method) const {
    const auto found = unary_.find(method);
    return found == unary_.end() ? nullptr : found->second.get();
  }
  const rpc::StreamAcceptor* FindStream(const std::string& method) const {
    const auto found = streams_.find(method);
    return found == streams_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, std::unique_ptr<rpc::UnaryHandler>> unary_;
  std::map<std::string, rpc::StreamAcceptor> streams_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_RPC_SIM_SERVER_H_
