#include "common/rpc/server_core.h"

#include <utility>

namespace flotilla::rpc {

int DynamicService::Add(std::string_view method, Kind kind) {
  const int index = static_cast<int>(names_.size());
  names_.push_back("/" + std::string(method));
  AddMethod(new grpc::internal::RpcServiceMethod(names_.back().c_str(),
                                                 kind == Kind::kUnary
                                                     ? grpc::internal::RpcMethod::NORMAL_RPC
                                                     : grpc::internal::RpcMethod::BIDI_STREAMING,
                                                 /*handler=*/nullptr));
  MarkMethodAsync(index);
  return index;
}

MethodMetrics::MethodMetrics(metrics::Registry* registry, const std::string& server,
                             const std::string& method)
    : requests(registry->AddCounter("flotilla_rpc_requests_total", "Calls that were taken",
                                    {{"server", server}, {"method", method}})),
      errors(registry->AddCounter("flotilla_rpc_errors_total",
                                  "Calls that ended with a status other than OK",
                                  {{"server", server}, {"method", method}})),
      seconds(registry->AddHistogram("flotilla_rpc_duration_seconds",
                                     "From taking a call to answering it", metrics::LatencyBounds(),
                                     {{"server", server}, {"method", method}})) {}

bool LiveCalls::WaitForNone(env::Duration timeout) {
  MutexLock lock(mutex_);
  while (count_.load() != 0) {
    if (!none_.WaitFor(mutex_, timeout) && count_.load() != 0) return false;
  }
  return true;
}

ServerCore::ServerCore(ServerOptions server_options, GrpcEventLoop* event_loop,
                       metrics::Registry* metrics_registry)
    : options(std::move(server_options)),
      loop(event_loop),
      registry(metrics_registry),
      open_streams(registry->AddGauge("flotilla_rpc_open_streams", "Streams that are open",
                                      {{"server", options.name}})),
      refused(registry->AddCounter("flotilla_rpc_refused_total",
                                   "Calls and streams refused because too many were under way",
                                   {{"server", options.name}})),
      expired(registry->AddCounter("flotilla_rpc_expired_total",
                                   "Calls that came after their deadline and were not executed",
                                   {{"server", options.name}})) {}

}  // namespace flotilla::rpc
