// raft-scenario: drives the bare Raft core by a script on standard input, and prints the state of
// all nodes after each directive, one line of JSON each (or, with --human, what happened).
#include <cstdio>
#include <functional>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "tests/raft/scenario/commands.h"
#include "tests/raft/scenario/report.h"
#include "tests/raft/scenario/script.h"
#include "tests/raft/scenario/transcript.h"

namespace {

constexpr char kUsage[] =
    "usage: raft-scenario [--human] < SCRIPT\n"
    "  Runs the directives of SCRIPT against the Raft core, without clock, thread, network or "
    "disk.\n"
    "  Prints one JSON object a directive: error, messages in flight, and every node's state.\n"
    "  --human   print what happened instead: messages, writes, applied entries\n"
    "  --help    print this\n";

}  // namespace

int main(int argc, char** argv) {
  using namespace flotilla::raft::scenario;
  bool human = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--human") {
      human = true;
    } else if (argument == "--help") {
      std::cout << kUsage;
      return 0;
    } else {
      std::cerr << "raft-scenario: unknown argument " << argument << "\n" << kUsage;
      return 2;
    }
  }
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  const Script script = ParseScript(text);
  if (human) {
    std::cout << RunToText(script);
    return 0;
  }
  Scenario scenario([](std::string_view) {});
  for (const Directive& directive : script.directives) {
    const Outcome outcome = scenario.Run(directive);
    std::cout << ReportJson(directive.command, outcome, scenario.environment()) << std::endl;
  }
  return 0;
}
