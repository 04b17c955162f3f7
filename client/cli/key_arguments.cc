#include "client/cli/key_arguments.h"

#include <CLI/App.hpp>
#include <iterator>

#include "common/base/status_macros.h"

namespace flotilla::cli {

void RangeArguments::Declare(CLI::App& app) {
  auto* start = app.add_option("--start", start_, "First key; without it, the first there is");
  auto* end = app.add_option("--end", end_, "End of the range, itself not in it");
  app.add_option("--prefix", prefix_, "All keys that start with it")
      ->excludes(start)
      ->excludes(end);
}

absl::StatusOr<client::Range> RangeArguments::Read(ByteForm form) const {
  if (!prefix_.empty()) {
    ASSIGN_OR_RETURN(const std::string prefix, FromText(prefix_, form));
    return PrefixRange(prefix);
  }
  client::Range range;
  ASSIGN_OR_RETURN(range.start, FromText(start_, form));
  ASSIGN_OR_RETURN(range.end, FromText(end_, form));
  return range;
}

client::Range PrefixRange(const std::string& prefix) {
  std::string end = prefix;
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) ++end.back();
  return {prefix, end};
}

absl::StatusOr<std::string> ReadValueArgument(const std::string& text, const Console& console) {
  if (text != "-") return FromText(text, console.form);
  return std::string(std::istreambuf_iterator<char>(console.in), {});
}

}  // namespace flotilla::cli
