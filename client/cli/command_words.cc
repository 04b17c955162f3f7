#include "client/cli/command_words.h"

#include <CLI/App.hpp>
#include <sstream>
#include <utility>

namespace flotilla::cli {
namespace {

// Of "TEXT:{tsv,jsonl}", as CLI11 describes an option that takes one of a few values.
std::vector<std::string> ChoicesIn(const std::string& type) {
  std::vector<std::string> choices;
  const size_t open = type.find('{');
  const size_t close = type.find('}', open);
  if (open == type.npos || close == type.npos) return choices;
  std::istringstream list(type.substr(open + 1, close - open - 1));
  for (std::string choice; std::getline(list, choice, ',');) choices.push_back(choice);
  return choices;
}

void Collect(const CLI::App& app, const std::string& path, std::vector<CommandWords>& out) {
  CommandWords one;
  one.path = path;
  for (const CLI::Option* option : app.get_options()) {
    ArgumentWords words;
    words.takes_value = option->get_items_expected_max() > 0;
    const std::string type = option->get_type_name();
    words.is_file = type == kFileType;
    words.choices = ChoicesIn(type);
    if (option->get_positional()) one.arguments.push_back(words);
    for (const std::string& name : option->get_lnames()) {
      words.name = "--" + name;
      one.options.push_back(words);
    }
  }
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* child : children) one.commands.push_back(child->get_name());
  out.push_back(std::move(one));
  for (const CLI::App* child : children) {
    Collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), out);
  }
}

}  // namespace

std::vector<CommandWords> CollectCommandWords(const CLI::App& root) {
  std::vector<CommandWords> words;
  Collect(root, "", words);
  return words;
}

}  // namespace flotilla::cli
