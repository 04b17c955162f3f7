// Programs run through the shell, to their end.
#ifndef FLOTILLA_TESTS_CLUSTER_SHELL_H_
#define FLOTILLA_TESTS_CLUSTER_SHELL_H_

#include <string>

namespace flotilla::cluster_test {

struct CommandResult {
  int code = -1;
  std::string output;  // Standard output and error, where the line says so.
};

// `text` as one word of a shell's line.
std::string QuoteWord(const std::string& text);
CommandResult RunShell(const std::string& line);

}  // namespace flotilla::cluster_test

#endif  // FLOTILLA_TESTS_CLUSTER_SHELL_H_
