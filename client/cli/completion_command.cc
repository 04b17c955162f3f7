// `flotilla completion`: a shell script that completes commands and options, written from the
// command tree itself.
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/command_words.h"

namespace flotilla::cli {
namespace {

std::string JoinWords(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string JoinOptions(const CommandWords& command) {
  std::vector<std::string> names;
  for (const ArgumentWords& option : command.options) names.push_back(option.name);
  return JoinWords(names);
}

std::string BashScript(const std::vector<CommandWords>& completions) {
  std::string cases;
  for (const CommandWords& one : completions) {
    cases += fmt::format("    \"{}\") words=\"{} {} {}\" ;;\n", one.path, JoinWords(one.commands),
                         JoinOptions(one), JoinOptions(completions.front()));
  }
  return fmt::format(
      "# Completion of flotilla for bash: source it, or put it into bash's completions directory.\n"
      "_flotilla() {{\n"
      "  local path=\"\" word words=\"\" i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${{COMP_WORDS[i]}}\n"
      "    case \" {0} \" in\n"
      "      *\" ${{path:+$path/}}$word \"*) path=\"${{path:+$path/}}$word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case ${{path//\\// }} in\n"
      "{1}"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n"
      "  if [[ ${{#COMPREPLY[@]}} -eq 0 ]]; then\n"
      "    COMPREPLY=($(compgen -f -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n"
      "  fi\n"
      "}}\n"
      "complete -F _flotilla flotilla\n",
      [&] {
        std::vector<std::string> paths;
        for (const CommandWords& one : completions) {
          std::string path = one.path;
          for (char& c : path) {
            if (c == ' ') c = '/';
          }
          if (!path.empty()) paths.push_back(path);
        }
        return JoinWords(paths);
      }(),
      cases);
}

std::string ZshScript(const std::vector<CommandWords>& completions) {
  return "#compdef flotilla\n"
         "# Completion of flotilla for zsh, by way of bash's.\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         BashScript(completions);
}

std::string FishScript(const std::vector<CommandWords>& completions) {
  std::string script =
      "# Completion of flotilla for fish: put it into ~/.config/fish/completions/flotilla.fish.\n"
      "function __flotilla_path\n"
      "  set -l path\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    string match -q -- '-*' $word; or set path $path $word\n"
      "  end\n"
      "  echo \"$path\"\n"
      "end\n"
      "function __flotilla_at\n"
      "  test (__flotilla_path) = \"$argv\"\n"
      "end\n"
      "complete -c flotilla -f\n";
  for (const CommandWords& one : completions) {
    const std::string condition = fmt::format("-n '__flotilla_at {}'", one.path);
    if (!one.commands.empty()) {
      script +=
          fmt::format("complete -c flotilla {} -a '{}'\n", condition, JoinWords(one.commands));
    }
    for (const ArgumentWords& option : one.options) {
      script += fmt::format("complete -c flotilla {} -l {}\n",
                            one.path.empty() ? std::string() : condition, option.name.substr(2));
    }
  }
  return script;
}

class CompletionCommand final : public Command {
 public:
  explicit CompletionCommand(CLI::App* root) : root_(root) {}

  void Declare(CLI::App& app) override {
    app.add_option("shell", shell_, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }
  ExitCode Run(CommandContext& context) override {
    const std::vector<CommandWords> completions = CollectCommandWords(*root_);
    const std::string script = shell_ == "bash"  ? BashScript(completions)
                               : shell_ == "zsh" ? ZshScript(completions)
                                                 : FishScript(completions);
    if (context.console.json) {
      context.console.PrintJson(Json::MakeObject().Set("shell", shell_).Set("script", script));
    } else {
      context.console.out << script;
    }
    return ExitCode::kOk;
  }

 private:
  CLI::App* const root_;
  std::string shell_;
};

}  // namespace

void DeclareCompletionCommand(CommandTree& tree) {
  tree.Add<CompletionCommand>(tree.root(), "completion", "Write a completion script for a shell",
                              &tree.root());
}

}  // namespace flotilla::cli
