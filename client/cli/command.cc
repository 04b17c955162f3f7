#include "client/cli/command.h"

#include <CLI/App.hpp>

namespace flotilla::cli {

CLI::App& CommandTree::AddGroup(CLI::App& parent, const std::string& name,
                                const std::string& description) {
  CLI::App* app = parent.add_subcommand(name, description);
  // Options of the whole program may stand anywhere in the line.
  app->fallthrough();
  app->require_subcommand(1);
  return *app;
}

void CommandTree::Add(CLI::App& parent, const std::string& name, const std::string& description,
                      std::unique_ptr<Command> command) {
  CLI::App* app = parent.add_subcommand(name, description);
  app->fallthrough();
  command->Declare(*app);
  commands_[app] = std::move(command);
}

Command* CommandTree::Chosen() {
  const CLI::App* app = &root_;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  auto it = commands_.find(app);
  return it == commands_.end() ? nullptr : it->second.get();
}

}  // namespace flotilla::cli
