// Keys, ranges and values on the command line.
#ifndef FLOTILLA_CLIENT_CLI_KEY_ARGUMENTS_H_
#define FLOTILLA_CLIENT_CLI_KEY_ARGUMENTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/byte_text.h"
#include "client/cli/console.h"
#include "flotilla/client/raw_client.h"

namespace CLI {
class App;
}

namespace flotilla::cli {

// --start and --end, or --prefix.
class RangeArguments {
 public:
  void Declare(CLI::App& app);
  bool is_given() const { return !start_.empty() || !end_.empty() || !prefix_.empty(); }
  // InvalidArgument when a text is not of the form.
  absl::StatusOr<client::Range> Read(ByteForm form) const;

 private:
  std::string start_;
  std::string end_;
  std::string prefix_;
};

// The range of all keys that start with `prefix`.
client::Range PrefixRange(const std::string& prefix);

// The bytes of a value argument; "-" stands for standard input.
absl::StatusOr<std::string> ReadValueArgument(const std::string& text, const Console& console);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_KEY_ARGUMENTS_H_
