#include "common/rpc/grpc_status.h"

#include <string>

#include "common/rpc/not_executed.h"

namespace flotilla::rpc {
namespace {

// Of the trailing metadata.
constexpr char kNotExecutedKey[] = "flotilla-not-executed";

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

void TellNotExecuted(grpc::ServerContext& context) {
  context.AddTrailingMetadata(kNotExecutedKey, "1");
}

absl::Status FromGrpc(const grpc::Status& status, const grpc::ClientContext& context) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  if (context.GetServerTrailingMetadata().contains(kNotExecutedKey)) {
    result = MarkNotExecuted(std::move(result));
  }
  return result;
}

}  // namespace flotilla::rpc
