// `flotilla kv shell`: one command line after another in one session.
#include <readline/history.h>
#include <readline/readline.h>
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/command_words.h"
#include "client/cli/line_words.h"
#include "client/cli/shell_completion.h"

namespace flotilla::cli {
namespace {

constexpr char kPrompt[] = "flotilla> ";
constexpr int kHistoryLines = 1000;
constexpr char kWordBreaks[] = " \t\n=";
constexpr char kHelp[] =
    "get KEY, put KEY VALUE, delete KEY..., scan, cas, ttl, load, dump, checksum as after\n"
    "`flotilla kv`; status, region, store, keyspace, bench as after `flotilla`; exit.\n"
    "Words may be quoted with ' or \". `COMMAND --help` explains a command.\n";

// Readline's hooks are plain functions, of which a process has one: this is what they know. Not
// null while a TerminalLines lives.
const ShellCompletion* terminal_completion = nullptr;

// In the form that readline takes over and frees: what all matches begin with, then each of them.
char** ToReadline(const std::vector<std::string>& matches) {
  if (matches.empty()) return nullptr;
  std::string common = matches.front();
  for (const std::string& match : matches) {
    const auto [end, ignored] =
        std::mismatch(common.begin(), common.end(), match.begin(), match.end());
    common.erase(end, common.end());
  }
  // One match is all that they have in common.
  const size_t listed = matches.size() == 1 ? 0 : matches.size();
  auto** const list = static_cast<char**>(std::calloc(listed + 2, sizeof(char*)));
  list[0] = strdup(common.c_str());
  for (size_t i = 0; i < listed; ++i) list[i + 1] = strdup(matches[i].c_str());
  return list;
}

char** CompleteWord(const char* word, int start, int /*end*/) {
  // Readline would offer names of files otherwise.
  rl_attempted_completion_over = 1;
  ShellCompletion::Candidates candidates =
      terminal_completion->Complete({rl_line_buffer, static_cast<size_t>(start)}, word);
  if (candidates.files) return rl_completion_matches(word, rl_filename_completion_function);
  std::erase_if(candidates.words,
                [word](const std::string& candidate) { return !candidate.starts_with(word); });
  return ToReadline(candidates.words);
}

// Where the next line comes from.
class LineSource {
 public:
  virtual ~LineSource() = default;
  virtual std::optional<std::string> Next() = 0;
};

class StreamLines final : public LineSource {
 public:
  explicit StreamLines(std::istream& in) : in_(in) {}
  std::optional<std::string> Next() override {
    std::string line;
    if (!std::getline(in_, line)) return std::nullopt;
    return line;
  }

 private:
  std::istream& in_;
};

// A person at a terminal: editing, completion, and a history that outlives the shell.
class TerminalLines final : public LineSource {
 public:
  // `completion` must outlive it.
  explicit TerminalLines(const ShellCompletion* completion) {
    terminal_completion = completion;
    rl_attempted_completion_function = CompleteWord;
    rl_completer_word_break_characters = kWordBreaks;
    using_history();
    stifle_history(kHistoryLines);
    if (const char* home = std::getenv("HOME")) {
      history_file_ = std::string(home) + "/.flotilla_history";
      read_history(history_file_.c_str());
    }
  }
  ~TerminalLines() override {
    rl_attempted_completion_function = nullptr;
    terminal_completion = nullptr;
    if (!history_file_.empty()) write_history(history_file_.c_str());
  }
  std::optional<std::string> Next() override {
    const std::unique_ptr<char, decltype(&std::free)> line(readline(kPrompt), &std::free);
    if (line == nullptr) return std::nullopt;
    if (*line != '\0') add_history(line.get());
    return std::string(line.get());
  }

 private:
  std::string history_file_;
};

class ShellCommand final : public Command {
 public:
  // `root`: of all commands.
  explicit ShellCommand(const CLI::App* root) : root_(root) {}

  void Declare(CLI::App&) override {}

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const ShellCompletion completion(CollectCommandWords(*root_));
    std::unique_ptr<LineSource> lines;
    if (console.in_is_terminal) {
      console.out << "exit or Ctrl-D ends, help lists the commands\n";
      lines = std::make_unique<TerminalLines>(&completion);
    } else {
      lines = std::make_unique<StreamLines>(console.in);
    }
    ExitCode last = ExitCode::kOk;
    ExitCode worst = ExitCode::kOk;
    while (std::optional<std::string> line = lines->Next()) {
      absl::StatusOr<std::vector<std::string>> words = SplitWords(*line);
      if (!words.ok()) {
        last = console.Fail(words.status());
      } else if (words->empty() || words->front().starts_with('#')) {
        continue;
      } else if (words->front() == "exit" || words->front() == "quit") {
        break;
      } else if (words->front() == "help") {
        console.out << kHelp;
        continue;
      } else if (*words == std::vector<std::string>{"shell"} ||
                 *words == std::vector<std::string>{"kv", "shell"}) {
        console.err << "flotilla: this is a shell already\n";
        last = ExitCode::kUsage;
      } else {
        if (completion.IsKvCommand(words->front())) words->insert(words->begin(), "kv");
        last = context.run(*words);
      }
      if (worst == ExitCode::kOk) worst = last;
    }
    // A script that failed anywhere failed; a person has seen the messages.
    return console.in_is_terminal ? ExitCode::kOk : worst;
  }

 private:
  const CLI::App* const root_;
};

}  // namespace

void DeclareShellCommand(CommandTree& tree, CLI::App& kv) {
  tree.Add<ShellCommand>(kv, "shell", "Read commands from the terminal or from standard input",
                         &tree.root());
}

}  // namespace flotilla::cli
