// Ends a request: puts a status into the place that its response has for it.
#ifndef FLOTILLA_STORE_KV_API_REPLY_H_
#define FLOTILLA_STORE_KV_API_REPLY_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/base/check.h"
#include "common/errors/region_error.h"
#include "common/rpc/done.h"
#include "tikv/errorpb.pb.h"
#include "tikv/kvrpcpb.pb.h"

namespace flotilla::store {

// Fills `error` with what a client should do about `status`; false when the fault is the request's
// own, or nothing is wrong.
bool ToReplyError(const absl::Status& status, errorpb::Error* error);

// Answers `done` with OK and `status` in the response.
template <typename Response>
void Reply(const absl::Status& status, Response* response, rpc::Done done) {
  if (status.ok()) [[likely]] {
    std::move(done)(absl::OkStatus());
    return;
  }
  // A store that cannot trust its disk must not answer.
  CHECK(!absl::IsDataLoss(status)) << status.ToString();
  errorpb::Error error;
  if (ToReplyError(status, &error)) {
    response->Clear();
    *response->mutable_region_error() = std::move(error);
  } else if constexpr (requires { response->set_error(std::string()); }) {
    response->Clear();
    response->set_error(std::string(status.message()));
  } else if constexpr (requires { response->add_pairs(); }) {
    response->Clear();
    response->add_pairs()->mutable_error()->set_abort(std::string(status.message()));
  } else if constexpr (requires { response->add_kvs(); }) {
    response->Clear();
    response->add_kvs()->mutable_error()->set_abort(std::string(status.message()));
  } else {
    // No place in the response: it becomes the RPC's own status.
    std::move(done)(status);
    return;
  }
  std::move(done)(absl::OkStatus());
}

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_API_REPLY_H_
