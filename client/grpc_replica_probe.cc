#include "client/grpc_replica_probe.h"

#include "common/pdclient/waiter.h"
#include "common/rpc/client_call.h"

namespace flotilla::client {

absl::StatusOr<repair::v1::CheckRegionResponse> GrpcReplicaProbe::Check(
    const std::string& address, const repair::v1::CheckRegionRequest& request,
    env::Duration timeout) {
  using Response = repair::v1::CheckRegionResponse;
  pdclient::Waiter<Response> waiter;
  rpc::CallOptions options;
  options.timeout = timeout;
  rpc::CallUnary<Response>(loop_, pool_->Get(address), "flotilla.repair.v1.Consistency/CheckRegion",
                           request, options, waiter.callback());
  return waiter.Wait();
}

}  // namespace flotilla::client
