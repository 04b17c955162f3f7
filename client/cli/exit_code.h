// What the process ends with. Scripts rely on it: the numbers do not change.
#ifndef FLOTILLA_CLIENT_CLI_EXIT_CODE_H_
#define FLOTILLA_CLIENT_CLI_EXIT_CODE_H_

#include "absl/status/status.h"

namespace flotilla::cli {

enum class ExitCode {
  kOk = 0,
  kFailed = 1,        // It failed, as the message says.
  kUsage = 2,         // The command line is wrong.
  kNotFound = 3,      // No such key, region, store or keyspace.
  kUnavailable = 4,   // The cluster could not be reached, or not in time.
  kUndetermined = 5,  // A write may or may not have taken effect.
  kNotSwapped = 6,    // The key did not hold what `kv cas` expected.
  kUnhealthy = 7,     // `status` found something wrong.
  kMismatch = 8,      // A verification found other data than was expected.
};

ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_EXIT_CODE_H_
