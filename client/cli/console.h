// Where a command reads and writes, and in which form.
#ifndef FLOTILLA_CLIENT_CLI_CONSOLE_H_
#define FLOTILLA_CLIENT_CLI_CONSOLE_H_

#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "client/cli/byte_text.h"
#include "client/cli/exit_code.h"
#include "client/cli/json.h"

namespace flotilla::cli {

struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool err_is_terminal = false;
  // --json, --hex, --progress
  bool json = false;
  ByteForm form = ByteForm::kEscaped;
  bool force_progress = false;

  bool shows_progress() const { return err_is_terminal || force_progress; }
  // One line on the output.
  void PrintJson(const Json& json_value) const { out << json_value.Dump() << '\n'; }
  std::string Text(std::string_view bytes) const { return ToText(bytes, form); }
  // Says what went wrong, in words and with --json as an object too, and returns the exit code.
  ExitCode Fail(const absl::Status& status) const;
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_CONSOLE_H_
