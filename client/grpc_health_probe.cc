#include "client/grpc_health_probe.h"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <string_view>

#include "common/base/bytes.h"
#include "common/pdclient/waiter.h"
#include "common/rpc/client_call.h"
#include "grpc/health.pb.h"

namespace flotilla::client {
namespace {

constexpr env::Duration kTimeout = std::chrono::seconds(1);

}  // namespace

absl::Status GrpcHealthProbe::Probe(const std::string& address) {
  using Response = grpc::health::v1::HealthCheckResponse;
  pdclient::Waiter<Response> waiter;
  rpc::CallOptions options;
  options.timeout = kTimeout;
  rpc::CallUnary<Response>(loop_, pool_->Get(address), "grpc.health.v1.Health/Check",
                           grpc::health::v1::HealthCheckRequest(), options, waiter.callback());
  const absl::StatusOr<Response> answer = waiter.Wait();
  if (!answer.ok()) {
    if (absl::IsDeadlineExceeded(answer.status())) {
      return absl::UnavailableError("no answer within a second");
    }
    // gRPC says what it tried before what went wrong in the end.
    const std::string_view text = FromAbsl(answer.status().message());
    const size_t last = text.rfind(": ");
    return absl::UnavailableError(
        fmt::format("not reachable ({})", last == text.npos ? text : text.substr(last + 2)));
  }
  if (answer->status() == Response::SERVING) return absl::OkStatus();
  return absl::UnavailableError("not serving");
}

}  // namespace flotilla::client
