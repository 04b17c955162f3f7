// The data-driven script form: directives with arguments, input lines, and the expected output.
//
//   # comment
//   command arg key=value key=(v1,v2)
//   input lines
//   ----
//   expected output, up to a blank line; or, after a second line of ----, up to two lines of ----
#ifndef FLOTILLA_TESTS_RAFT_SCENARIO_SCRIPT_H_
#define FLOTILLA_TESTS_RAFT_SCENARIO_SCRIPT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace flotilla::raft::scenario {

struct Argument {
  std::string key;
  std::vector<std::string> values;  // Empty: a plain argument, `key` being all of it.
};

struct Directive {
  int line = 0;  // Of the command, from 1.
  std::string command;
  std::vector<Argument> arguments;
  std::string input;     // Lines between the command and ----.
  std::string expected;  // With a newline at the end unless empty.
  // Everything before `expected`, as it stands in the script: comments and blank lines, command,
  // input, ----. For rewriting.
  std::string preamble;
  absl::Status malformed;  // Of the command line.

  // The only value of `key`; nullopt when it is not there, InvalidArgument when it has several.
  absl::StatusOr<std::optional<std::string>> Value(std::string_view key) const;
};

struct Script {
  std::vector<Directive> directives;
  std::string trailer;  // Comments after the last directive.
};

Script ParseScript(std::string_view text);

// The numbers of the plain arguments; InvalidArgument names what is none.
absl::StatusOr<std::vector<uint64_t>> PlainNumbers(const Directive& directive);
absl::StatusOr<uint64_t> ParseNumber(std::string_view text);
absl::StatusOr<bool> ParseBool(std::string_view text);

}  // namespace flotilla::raft::scenario

#endif  // FLOTILLA_TESTS_RAFT_SCENARIO_SCRIPT_H_
