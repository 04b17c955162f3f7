// A command of the command line: declares its arguments, then runs.
#ifndef FLOTILLA_CLIENT_CLI_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_COMMAND_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/console.h"
#include "client/cli/exit_code.h"
#include "client/cli/process_control.h"
#include "client/cli/session.h"
#include "common/env/clock.h"

namespace CLI {
class App;
}

namespace flotilla::cli {

// What a command may use while it runs.
struct CommandContext {
  Console& console;
  Session& session;
  const env::Clock& clock;
  // As the global options say.
  const client::ClientOptions& client_options;
  const SessionFactory& open_session;
  ProcessControl& processes;
  // Runs another command line in the same session; for the shell.
  std::function<ExitCode(const std::vector<std::string>&)> run;
};

class Command {
 public:
  virtual ~Command() = default;
  // Adds its arguments to `app`; they are bound to members.
  virtual void Declare(CLI::App& app) = 0;
  virtual ExitCode Run(CommandContext& context) = 0;
};

// All commands by the part of the command line that names them.
class CommandTree {
 public:
  // `root` must outlive the tree.
  explicit CommandTree(CLI::App& root) : root_(root) {}

  CLI::App& root() { return root_; }
  // A group of commands, such as "kv".
  CLI::App& AddGroup(CLI::App& parent, const std::string& name, const std::string& description);
  void Add(CLI::App& parent, const std::string& name, const std::string& description,
           std::unique_ptr<Command> command);
  template <typename C, typename... Args>
  void Add(CLI::App& parent, const std::string& name, const std::string& description,
           Args&&... args) {
    Add(parent, name, description, std::make_unique<C>(std::forward<Args>(args)...));
  }

  // Of the parsed command line; null when it names a group only.
  Command* Chosen();

 private:
  CLI::App& root_;
  std::map<const CLI::App*, std::unique_ptr<Command>> commands_;
};

// Each adds the commands of one subject.
void DeclareKvCommands(CommandTree& tree);
void DeclareTransferCommands(CommandTree& tree, CLI::App& kv);
void DeclareShellCommand(CommandTree& tree, CLI::App& kv);
void DeclareRegionCommands(CommandTree& tree);
void DeclareRepairCommands(CommandTree& tree, CLI::App& region);
void DeclareStoreCommands(CommandTree& tree);
void DeclareKeyspaceCommands(CommandTree& tree);
void DeclareStatusCommand(CommandTree& tree);
void DeclareLocalClusterCommands(CommandTree& tree);
void DeclareBenchCommand(CommandTree& tree);
void DeclareCompletionCommand(CommandTree& tree);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_COMMAND_H_
