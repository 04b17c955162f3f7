#include "client/cli/cli.h"

#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <map>
#include <memory>
#include <sstream>

#include "client/cli/command.h"

namespace flotilla::cli {
namespace {

constexpr char kVersion[] = "flotilla " FLOTILLA_VERSION;
constexpr char kFooter[] =
    "Keys and values on the command line are text in which \\\\ \\n \\r \\t \\0 and \\xHH stand "
    "for\n"
    "bytes; with --hex they are hexadecimal digits.\n"
    "\n"
    "Exit codes: 0 success, 1 failed, 2 wrong usage, 3 not found, 4 cluster not reached in time,\n"
    "5 undetermined (a write may or may not have taken effect), 6 not swapped, 7 unhealthy,\n"
    "8 mismatch.";

// The options of the whole program.
struct GlobalOptions {
  std::string pd;
  std::string keyspace = "DEFAULT";
  int api_version = 2;
  bool unary = false;
  double timeout_seconds = 20;
  bool json = false;
  bool hex = false;
  bool progress = false;

  void Declare(CLI::App& app) {
    app.add_option("--pd", pd,
                   "PD members, host:port[,host:port]; else FLOTILLA_PD, else 127.0.0.1:2379");
    app.add_option("--keyspace", keyspace, "Keyspace")->capture_default_str();
    app.add_option("--api-version", api_version,
                   "Layout of keys; the cluster's: 1 plain, 2 keyspaces")
        ->check(CLI::IsMember({1, 2}))
        ->capture_default_str();
    app.add_flag("--unary", unary, "One RPC a request instead of batch streams");
    app.add_option("--timeout", timeout_seconds, "Seconds that an operation may take")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_flag("--json", json, "Write JSON instead of text for people");
    app.add_flag("--hex", hex, "Keys and values are hexadecimal digits");
    app.add_flag("--progress", progress, "Show progress even if standard error is no terminal");
  }

  client::ClientOptions ToClientOptions(const CliEnvironment& environment) const {
    client::ClientOptions options;
    std::string addresses = pd;
    if (addresses.empty()) addresses = environment.get_variable("FLOTILLA_PD").value_or("");
    if (!addresses.empty()) {
      options.pd_addresses.clear();
      std::istringstream list(addresses);
      for (std::string address; std::getline(list, address, ',');) {
        if (!address.empty()) options.pd_addresses.push_back(address);
      }
    }
    options.keyspace = keyspace;
    options.api_version = api_version == 1 ? client::ApiVersion::kV1 : client::ApiVersion::kV2;
    options.transport = unary ? client::Transport::kUnary : client::Transport::kBatch;
    options.timeout = std::chrono::milliseconds(static_cast<int64_t>(timeout_seconds * 1000));
    options.connect_timeout = std::min(options.timeout, options.connect_timeout);
    return options;
  }
};

void DeclareAll(CommandTree& tree) {
  DeclareLocalClusterCommands(tree);
  DeclareStatusCommand(tree);
  DeclareKvCommands(tree);
  DeclareRegionCommands(tree);
  DeclareStoreCommands(tree);
  DeclareKeyspaceCommands(tree);
  DeclareBenchCommand(tree);
  DeclareCompletionCommand(tree);
}

// A session that is opened by the first command that needs it and kept for the next ones; the shell
// runs many with the same options.
class SessionHolder {
 public:
  explicit SessionHolder(const CliEnvironment& environment) : environment_(environment) {}

  Session& Get(const client::ClientOptions& options) {
    if (session_ == nullptr) session_ = environment_.open_session(options);
    return *session_;
  }

 private:
  const CliEnvironment& environment_;
  std::unique_ptr<Session> session_;
};

ExitCode RunLine(const std::vector<std::string>& arguments, const CliEnvironment& environment,
                 const GlobalOptions& defaults, SessionHolder& sessions) {
  CLI::App app("Flotilla: a sharded, replicated key-value cluster", "flotilla");
  GlobalOptions global = defaults;
  global.Declare(app);
  app.set_version_flag("--version", kVersion, "Print the version");
  app.set_help_all_flag("--help-all", "Print the help of all commands");
  app.footer(kFooter);
  app.require_subcommand(1);
  CommandTree tree(app);
  DeclareAll(tree);

  Console console = environment.console;
  // CLI11 takes the arguments from the last to the first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::RequiredError& error) {
    // What is said of a command that is missing is no help where one is misspelt.
    const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
    if (unknown.empty()) {
      app.exit(error, console.out, console.err);
    } else {
      console.err << "flotilla: there is no command '" << unknown.front()
                  << "'; see flotilla --help\n";
    }
    return ExitCode::kUsage;
  } catch (const CLI::ParseError& error) {
    const bool is_help = app.exit(error, console.out, console.err) == 0;
    return is_help ? ExitCode::kOk : ExitCode::kUsage;
  }
  console.json = global.json;
  console.form = global.hex ? ByteForm::kHex : ByteForm::kEscaped;
  console.force_progress = global.progress;
  Command* command = tree.Chosen();
  if (command == nullptr) {
    console.err << app.help();
    return ExitCode::kUsage;
  }
  const client::ClientOptions client_options = global.ToClientOptions(environment);
  CommandContext context{console,
                         sessions.Get(client_options),
                         environment.clock,
                         client_options,
                         environment.open_session,
                         environment.processes,
                         [&](const std::vector<std::string>& line) {
                           return RunLine(line, environment, global, sessions);
                         }};
  const ExitCode code = command->Run(context);
  console.out.flush();
  return code;
}

}  // namespace

ExitCode RunCli(const std::vector<std::string>& arguments, const CliEnvironment& environment) {
  SessionHolder sessions(environment);
  return RunLine(arguments, environment, GlobalOptions(), sessions);
}

}  // namespace flotilla::cli
