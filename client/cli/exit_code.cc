#include "client/cli/exit_code.h"

#include "flotilla/client/raw_client.h"

namespace flotilla::cli {

ExitCode ExitCodeOf(const absl::Status& status) {
  if (client::IsUndetermined(status)) return ExitCode::kUndetermined;
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kOk;
    case absl::StatusCode::kNotFound:
      return ExitCode::kNotFound;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kUnavailable;
    case absl::StatusCode::kDataLoss:
      return ExitCode::kMismatch;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace flotilla::cli
