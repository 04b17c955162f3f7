// Statuses between gRPC and ours, and the one thing that a server says besides: that it executed
// nothing of a call that it refused (not_executed.h). Internal to common/rpc; includes gRPC.
#ifndef FLOTILLA_COMMON_RPC_GRPC_STATUS_H_
#define FLOTILLA_COMMON_RPC_GRPC_STATUS_H_

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace flotilla::rpc {

grpc::Status ToGrpc(const absl::Status& status);
// Before the refusal is sent.
void TellNotExecuted(grpc::ServerContext& context);

// Of a call that is over; marked when the server told so.
absl::Status FromGrpc(const grpc::Status& status, const grpc::ClientContext& context);

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_GRPC_STATUS_H_
