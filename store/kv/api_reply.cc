#include "store/kv/api_reply.h"

#include "common/base/bytes.h"

namespace flotilla::store {

bool ToReplyError(const absl::Status& status, errorpb::Error* error) {
  if (errors::ToRegionError(status, error)) return true;
  const std::string message(FromAbsl(status.message()));
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      // The group cannot do it now: a transfer of leadership or a change of members is under way.
      // With nothing but a message, clients go to PD or to the next peer and ask again.
      error->set_message(message);
      return true;
    default:
      return false;
  }
}

}  // namespace flotilla::store
