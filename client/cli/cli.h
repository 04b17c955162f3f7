// The `flotilla` command: parses a command line and runs what it names.
#ifndef FLOTILLA_CLIENT_CLI_CLI_H_
#define FLOTILLA_CLIENT_CLI_CLI_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/console.h"
#include "client/cli/exit_code.h"
#include "client/cli/process_control.h"
#include "client/cli/session.h"
#include "common/env/clock.h"

namespace flotilla::cli {

// What main() gives, and a test replaces.
struct CliEnvironment {
  Console console;
  const env::Clock& clock;
  SessionFactory open_session;
  ProcessControl& processes;
  // The value of an environment variable.
  std::function<std::optional<std::string>(const std::string&)> get_variable;
};

// `arguments`: without the program's name.
ExitCode RunCli(const std::vector<std::string>& arguments, const CliEnvironment& environment);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_CLI_H_
