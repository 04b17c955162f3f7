// How every request handler answers, on a server and in the simulator alike:
//
//   void RawGet(const RawGetRequest& request, RawGetResponse* response, rpc::Done done);
//
// `request` and `response` live until `done` was called, which happens exactly once, on any thread.
// A status that is not OK becomes the RPC's own status; errors that the protocol puts in the
// response (region errors, PD header errors) are filled in by the handler, which then answers OK.
#ifndef FLOTILLA_COMMON_RPC_DONE_H_
#define FLOTILLA_COMMON_RPC_DONE_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

namespace flotilla::rpc {

using Done = absl::AnyInvocable<void(absl::Status) &&>;

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_DONE_H_
