// Reads a command line into texts by option name; CLI11 is behind it, and only command_line.cc
// knows.
#ifndef FLOTILLA_COMMON_CONFIG_COMMAND_LINE_H_
#define FLOTILLA_COMMON_CONFIG_COMMAND_LINE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/option_set.h"

namespace flotilla::config {

struct CommandLine {
  Action action = Action::kRun;
  // Of --config; empty when it was not given.
  std::string config_file;
  // Names without dashes and texts as given; the last one of a repeated flag.
  std::vector<std::pair<std::string, std::string>> flags;
};

// True for the flags that every program has: config, help, ...
bool IsReservedFlag(std::string_view name);

// InvalidArgument for an unknown flag, a missing value or a positional argument.
absl::StatusOr<CommandLine> ReadCommandLine(const std::vector<Option>& options, int argc,
                                            const char* const* argv);

}  // namespace flotilla::config

#endif  // FLOTILLA_COMMON_CONFIG_COMMAND_LINE_H_
