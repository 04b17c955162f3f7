#include "client/cli/confirmation.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"

namespace flotilla::cli {

absl::Status Confirm(const Console& console, bool yes, std::string_view what) {
  if (yes) return absl::OkStatus();
  if (!console.in_is_terminal) {
    return absl::FailedPreconditionError(
        absl::StrCat(ToAbsl(what), " Nothing was done: nobody can be asked here, say --yes."));
  }
  console.err << what << " Go on? (yes/no) " << std::flush;
  std::string answer;
  std::getline(console.in, answer);
  if (answer == "yes" || answer == "y") return absl::OkStatus();
  return absl::FailedPreconditionError("nothing was done");
}

}  // namespace flotilla::cli
