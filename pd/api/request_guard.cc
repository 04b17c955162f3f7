#include "pd/api/request_guard.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/errors/region_error.h"

namespace flotilla::pd {
namespace {

// OK: not a refusal of the request itself.
pdpb::ErrorType RefusalType(const absl::Status& status) {
  if (errors::IsUndetermined(status)) return pdpb::OK;
  switch (status.code()) {
    case absl::StatusCode::kAlreadyExists:
      return pdpb::DUPLICATED_ENTRY;
    case absl::StatusCode::kNotFound:
      return pdpb::ENTRY_NOT_FOUND;
    case absl::StatusCode::kInvalidArgument:
      return pdpb::INVALID_VALUE;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return pdpb::UNKNOWN;
    default:
      return pdpb::OK;
  }
}

}  // namespace

absl::Status RequestGuard::CheckClusterId(const LeaderState& state,
                                          const pdpb::RequestHeader& request) const {
  if (request.cluster_id() == state.cluster_id.value()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "mismatch cluster id, need ", state.cluster_id.value(), " but got ", request.cluster_id()));
}

std::shared_ptr<LeaderState> RequestGuard::Enter(const pdpb::RequestHeader& request,
                                                 pdpb::ResponseHeader* response,
                                                 rpc::Done& done) const {
  std::shared_ptr<LeaderState> state = leadership_->Current();
  absl::Status status = state == nullptr ? NotLeaderStatus() : CheckClusterId(*state, request);
  if (!status.ok()) {
    std::move(done)(std::move(status));
    return nullptr;
  }
  response->set_cluster_id(state->cluster_id.value());
  return state;
}

std::shared_ptr<LeaderState> RequestGuard::EnterBootstrapped(const pdpb::RequestHeader& request,
                                                             pdpb::ResponseHeader* response,
                                                             rpc::Done& done) const {
  std::shared_ptr<LeaderState> state = Enter(request, response, done);
  if (state == nullptr || state->bootstrapped) return state;
  SetHeaderError(response, pdpb::NOT_BOOTSTRAPPED, "cluster is not bootstrapped");
  std::move(done)(absl::OkStatus());
  return nullptr;
}

void SetHeaderError(pdpb::ResponseHeader* header, pdpb::ErrorType type, std::string_view message) {
  header->mutable_error()->set_type(type);
  header->mutable_error()->set_message(std::string(message));
}

void FinishWithError(const absl::Status& status, pdpb::ResponseHeader* header, rpc::Done done) {
  const pdpb::ErrorType type = RefusalType(status);
  if (type == pdpb::OK) {
    std::move(done)(status);
    return;
  }
  SetHeaderError(header, type, FromAbsl(status.message()));
  std::move(done)(absl::OkStatus());
}

}  // namespace flotilla::pd
