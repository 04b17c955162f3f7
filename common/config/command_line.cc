#include "common/config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <map>

namespace flotilla::config {
namespace {

constexpr std::array<std::string_view, 6> kReserved = {"config",  "check-config", "print-config",
                                                       "version", "help",         "h"};

// Declares the options. `given` keeps the texts, at stable addresses.
void Declare(CLI::App& app, const std::vector<Option>& options,
             std::map<std::string, std::string>& given) {
  for (const Option& option : options) {
    CLI::Option* flag = app.add_option("--" + option.name, given[option.name]);
    flag->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    // --verbose means --verbose=true.
    if (option.kind == Kind::kBool) flag->expected(0, 1);
  }
}

}  // namespace

bool IsReservedFlag(std::string_view name) {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

absl::StatusOr<CommandLine> ReadCommandLine(const std::vector<Option>& options, int argc,
                                            const char* const* argv) {
  CLI::App app;
  app.set_help_flag();
  CommandLine line;
  bool help = false, version = false, check = false, print = false;
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  app.add_flag("--check-config", check);
  app.add_flag("--print-config", print);
  app.add_option("--config", line.config_file);
  std::map<std::string, std::string> given;
  Declare(app, options, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  if (app.count("--config") > 0 && line.config_file.empty()) {
    return absl::InvalidArgumentError("--config: the name of a file is missing");
  }
  for (const Option& option : options) {
    const CLI::Option* flag = app.get_option("--" + option.name);
    if (flag->count() == 0) continue;
    const bool bare = option.kind == Kind::kBool && given[option.name].empty();
    line.flags.emplace_back(option.name, bare ? "true" : given[option.name]);
  }
  if (print) line.action = Action::kPrintConfig;
  if (check) line.action = Action::kCheckConfig;
  if (version) line.action = Action::kVersion;
  if (help) line.action = Action::kHelp;
  return line;
}

}  // namespace flotilla::config
