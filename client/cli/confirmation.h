// Asks before something that cannot be taken back.
#ifndef FLOTILLA_CLIENT_CLI_CONFIRMATION_H_
#define FLOTILLA_CLIENT_CLI_CONFIRMATION_H_

#include <string_view>

#include "absl/status/status.h"
#include "client/cli/console.h"

namespace flotilla::cli {

// OK: `yes` (--yes was given), or the user at the terminal says "yes" to `what`, a sentence that
// tells what would be done. FailedPrecondition: not agreed, or nobody there to ask.
absl::Status Confirm(const Console& console, bool yes, std::string_view what);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_CONFIRMATION_H_
