#include "tests/raft/scenario/transcript.h"

#include <string_view>

#include "tests/raft/scenario/report.h"

namespace flotilla::raft::scenario {

std::string RunToText(const Script& script) {
  std::string narration;
  Scenario scenario([&narration](std::string_view text) {
    narration += text;
    if (text.empty() || text.back() != '\n') narration += "\n";
  });
  std::string out;
  for (const Directive& directive : script.directives) {
    narration.clear();
    const Outcome outcome = scenario.Run(directive);
    if (outcome.index.has_value()) narration += std::to_string(*outcome.index) + "\n";
    if (outcome.result.has_value()) narration += std::string(Name(*outcome.result)) + "\n";
    if (!outcome.status.ok()) {
      narration += "error: " + std::string(outcome.status.message()) + "\n";
    }
    if (narration.empty()) narration = "ok\n";
    out += directive.preamble + narration + "\n";
  }
  return out + script.trailer;
}

}  // namespace flotilla::raft::scenario
