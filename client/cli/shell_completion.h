// What Tab offers in `flotilla kv shell`: the shell's commands, their options and such values as
// are known; names of files only where a file is meant.
#ifndef FLOTILLA_CLIENT_CLI_SHELL_COMPLETION_H_
#define FLOTILLA_CLIENT_CLI_SHELL_COMPLETION_H_

#include <string>
#include <string_view>
#include <vector>

#include "client/cli/command_words.h"

namespace flotilla::cli {

// Immutable.
class ShellCompletion {
 public:
  // All that may stand at a place; nothing when any word may.
  struct Candidates {
    std::vector<std::string> words;
    bool files = false;

    bool operator==(const Candidates&) const = default;
  };

  // `tree`: of the whole program. In the shell the commands below "kv" stand without it.
  explicit ShellCompletion(std::vector<CommandWords> tree);

  // For the word that begins with `word`, behind the text `before`.
  Candidates Complete(std::string_view before, std::string_view word) const;

  // The commands that may begin a line.
  const std::vector<std::string>& commands() const { return commands_; }
  bool IsKvCommand(std::string_view word) const;

 private:
  struct Place;

  const CommandWords* Find(std::string_view path) const;
  const ArgumentWords* FindOption(const CommandWords& command, std::string_view name) const;
  Place PlaceAfter(const std::vector<std::string>& words) const;

  const std::vector<CommandWords> tree_;
  std::vector<std::string> commands_;
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_SHELL_COMPLETION_H_
