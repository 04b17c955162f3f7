#include "client/cli/console.h"

#include "common/base/bytes.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cli {

ExitCode Console::Fail(const absl::Status& status) const {
  const ExitCode code = ExitCodeOf(status);
  const bool is_undetermined = client::IsUndetermined(status);
  const std::string message(FromAbsl(status.message()));
  err << "flotilla: " << (is_undetermined ? "undetermined: " : "") << message << '\n';
  if (json) {
    Json error = Json::MakeObject();
    error.Set("code", is_undetermined ? "UNDETERMINED" : absl::StatusCodeToString(status.code()));
    error.Set("message", IsUtf8(message) ? message : ToText(message));
    PrintJson(Json::MakeObject().Set("error", std::move(error)));
  }
  return code;
}

}  // namespace flotilla::cli
