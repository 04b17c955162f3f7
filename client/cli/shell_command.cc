// `flotilla kv shell`: one command line after another in one session.
#include <readline/history.h>
#include <readline/readline.h>
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/line_words.h"

namespace flotilla::cli {
namespace {

constexpr char kPrompt[] = "flotilla> ";
constexpr int kHistoryLines = 1000;
constexpr char kHelp[] =
    "get KEY, put KEY VALUE, delete KEY..., scan, cas, ttl, load, dump, checksum as after\n"
    "`flotilla kv`; status, region, store, keyspace as after `flotilla`; exit.\n"
    "Words may be quoted with ' or \". `COMMAND --help` explains a command.\n";

bool IsKvCommand(const std::string& word) {
  for (const char* name :
       {"get", "put", "delete", "scan", "cas", "ttl", "load", "dump", "checksum"}) {
    if (word == name) return true;
  }
  return false;
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

// A person at a terminal: editing and a history that outlives the shell.
class TerminalLines final : public LineSource {
 public:
  TerminalLines() {
    using_history();
    stifle_history(kHistoryLines);
    if (const char* home = std::getenv("HOME")) {
      history_file_ = std::string(home) + "/.flotilla_history";
      read_history(history_file_.c_str());
    }
  }
  ~TerminalLines() override {
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
  void Declare(CLI::App&) override {}

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    std::unique_ptr<LineSource> lines;
    if (console.in_is_terminal) {
      console.out << "exit or Ctrl-D ends, help lists the commands\n";
      lines = std::make_unique<TerminalLines>();
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
        if (IsKvCommand(words->front())) words->insert(words->begin(), "kv");
        last = context.run(*words);
      }
      if (worst == ExitCode::kOk) worst = last;
    }
    // A script that failed anywhere failed; a person has seen the messages.
    return console.in_is_terminal ? ExitCode::kOk : worst;
  }
};

}  // namespace

void DeclareShellCommand(CommandTree& tree, CLI::App& kv) {
  tree.Add<ShellCommand>(kv, "shell", "Read commands from the terminal or from standard input");
}

}  // namespace flotilla::cli
