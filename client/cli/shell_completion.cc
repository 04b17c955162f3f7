#include "client/cli/shell_completion.h"

#include <algorithm>
#include <utility>

#include "client/cli/line_words.h"
#include "common/base/check.h"

namespace flotilla::cli {
namespace {

// Of the whole program, and out of place in a session with a cluster.
constexpr std::string_view kNotInTheShell[] = {"kv", "up", "down", "completion"};

bool Contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> NamesOf(const std::vector<ArgumentWords>& options) {
  std::vector<std::string> names;
  for (const ArgumentWords& option : options) names.push_back(option.name);
  return names;
}

ShellCompletion::Candidates ValuesOf(const ArgumentWords& argument) {
  return {argument.choices, argument.is_file};
}

}  // namespace

// Where a word stands.
struct ShellCompletion::Place {
  const CommandWords* command;
  // Not null: it is the value of this option.
  const ArgumentWords* option = nullptr;
  size_t arguments_before = 0;
};

ShellCompletion::ShellCompletion(std::vector<CommandWords> tree) : tree_(std::move(tree)) {
  CHECK(!tree_.empty());
  if (const CommandWords* kv = Find("kv")) commands_ = kv->commands;
  std::erase(commands_, "shell");
  for (const std::string& command : tree_.front().commands) {
    if (std::find(std::begin(kNotInTheShell), std::end(kNotInTheShell), command) ==
        std::end(kNotInTheShell)) {
      commands_.push_back(command);
    }
  }
  commands_.insert(commands_.end(), {"help", "exit"});
}

bool ShellCompletion::IsKvCommand(std::string_view word) const {
  const CommandWords* const kv = Find("kv");
  return kv != nullptr && Contains(kv->commands, word);
}

const CommandWords* ShellCompletion::Find(std::string_view path) const {
  for (const CommandWords& one : tree_) {
    if (one.path == path) return &one;
  }
  return nullptr;
}

const ArgumentWords* ShellCompletion::FindOption(const CommandWords& command,
                                                 std::string_view name) const {
  for (const CommandWords* place : {&command, &tree_.front()}) {
    for (const ArgumentWords& option : place->options) {
      if (option.name == name) return &option;
    }
  }
  return nullptr;
}

ShellCompletion::Place ShellCompletion::PlaceAfter(const std::vector<std::string>& words) const {
  Place place{&tree_.front()};
  for (const std::string& word : words) {
    if (place.option != nullptr) {
      place.option = nullptr;
    } else if (word.starts_with("--")) {
      const ArgumentWords* const option = FindOption(*place.command, word);
      if (option != nullptr && option->takes_value) place.option = option;
    } else if (place.arguments_before == 0 && place.command->path.empty() && IsKvCommand(word)) {
      place.command = Find("kv " + word);
    } else if (place.arguments_before == 0 && Contains(place.command->commands, word)) {
      const std::string& path = place.command->path;
      place.command = Find(path.empty() ? word : path + " " + word);
    } else {
      ++place.arguments_before;
    }
  }
  return place;
}

ShellCompletion::Candidates ShellCompletion::Complete(std::string_view before,
                                                      std::string_view word) const {
  std::string text(before);
  // An option's value behind = is what it is behind a space.
  if (!text.empty() && text.back() == '=') text.back() = ' ';
  const auto words = SplitWords(text);
  // Within quotes nobody knows better.
  if (!words.ok()) return {};
  const Place place = PlaceAfter(*words);
  const CommandWords& command = *place.command;
  if (place.option != nullptr) return ValuesOf(*place.option);
  const bool is_root = command.path.empty();
  if (word.starts_with("-")) {
    Candidates options{NamesOf(command.options)};
    if (!is_root) {
      for (std::string& name : NamesOf(tree_.front().options)) {
        if (!Contains(options.words, name)) options.words.push_back(std::move(name));
      }
    }
    return options;
  }
  if (is_root) return {place.arguments_before == 0 ? commands_ : std::vector<std::string>()};
  if (!command.commands.empty()) return {command.commands};
  if (place.arguments_before < command.arguments.size()) {
    return ValuesOf(command.arguments[place.arguments_before]);
  }
  if (command.arguments.empty()) return {NamesOf(command.options)};
  return {};
}

}  // namespace flotilla::cli
