#include "common/engine/rocks_status.h"

#include <string>

namespace flotilla::engine {

absl::Status FromRocks(std::string_view what, const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  std::string message(what);
  message.append(": ").append(status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  if (status.IsInvalidArgument()) return absl::InvalidArgumentError(message);
  if (status.IsIOError() && message.find("lock") != std::string::npos) {
    return absl::UnavailableError(message);
  }
  return absl::InternalError(message);
}

}  // namespace flotilla::engine
