#include "tests/raft/scenario/script.h"

#include <charconv>
#include <utility>

#include "common/base/status_macros.h"

namespace flotilla::raft::scenario {
namespace {

constexpr std::string_view kSeparator = "----";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

// Values are separated by commas, or by blanks where there is no comma.
std::vector<std::string> SplitValues(std::string_view text) {
  const char separator = text.find(',') == std::string_view::npos ? ' ' : ',';
  std::vector<std::string> values;
  while (true) {
    const size_t end = text.find(separator);
    std::string_view value = Trim(text.substr(0, end));
    if (!value.empty()) values.emplace_back(value);
    if (end == std::string_view::npos) return values;
    text.remove_prefix(end + 1);
  }
}

absl::Status ParseCommand(std::string_view line, Directive& directive) {
  bool first = true;
  for (std::string_view rest = Trim(line); !rest.empty(); rest = Trim(rest)) {
    size_t end = rest.find_first_of(" \t=");
    if (end == std::string_view::npos) end = rest.size();
    Argument argument{.key = std::string(rest.substr(0, end)), .values = {}};
    rest.remove_prefix(end);
    if (!rest.empty() && rest.front() == '=') {
      rest.remove_prefix(1);
      const bool list = !rest.empty() && rest.front() == '(';
      end = list ? rest.find(')') : rest.find_first_of(" \t");
      if (list && end == std::string_view::npos) {
        return absl::InvalidArgumentError("no ) after " + argument.key + "=(");
      }
      std::string_view value = rest.substr(0, end);
      if (list) {
        argument.values = SplitValues(value.substr(1));
        ++end;
      } else {
        argument.values.emplace_back(value);
      }
      rest.remove_prefix(std::min(end, rest.size()));
      // An empty list is no plain argument either.
      if (argument.values.empty()) argument.values.emplace_back();
    }
    if (std::exchange(first, false)) {
      directive.command = argument.key;
    } else {
      directive.arguments.push_back(std::move(argument));
    }
  }
  return absl::OkStatus();
}

class Parser {
 public:
  explicit Parser(std::string_view text) : lines_(SplitLines(text)) {}

  Script Parse() {
    Script script;
    std::string before;
    while (next_ < lines_.size()) {
      std::string_view line = Trim(lines_[next_]);
      if (line.empty() || line.front() == '#') {
        AddLine(before, lines_[next_++]);
      } else {
        script.directives.push_back(ParseDirective(std::exchange(before, {})));
      }
    }
    script.trailer = std::move(before);
    return script;
  }

 private:
  static void AddLine(std::string& out, std::string_view line) {
    out += line;
    out += "\n";
  }
  bool At(std::string_view what) const {
    return next_ < lines_.size() && Trim(lines_[next_]) == what;
  }

  Directive ParseDirective(std::string preamble) {
    Directive directive;
    directive.line = static_cast<int>(next_) + 1;
    directive.preamble = std::move(preamble);
    AddLine(directive.preamble, lines_[next_]);
    std::string command(Trim(lines_[next_++]));
    while (!command.empty() && command.back() == '\\' && next_ < lines_.size()) {
      command.pop_back();
      AddLine(directive.preamble, lines_[next_]);
      command += " " + std::string(Trim(lines_[next_++]));
    }
    directive.malformed = ParseCommand(command, directive);
    for (; next_ < lines_.size() && !At(kSeparator); ++next_) {
      AddLine(directive.preamble, lines_[next_]);
      AddLine(directive.input, lines_[next_]);
    }
    AddLine(directive.preamble, kSeparator);
    if (next_ < lines_.size()) ++next_;
    ParseExpected(directive);
    if (At("")) ++next_;  // The blank line that ends the output.
    return directive;
  }

  void ParseExpected(Directive& directive) {
    if (At(kSeparator)) {
      ++next_;
      while (next_ < lines_.size()) {
        const bool first = At(kSeparator);
        if (first && next_ + 1 < lines_.size() && Trim(lines_[next_ + 1]) == kSeparator) {
          next_ += 2;
          return;
        }
        AddLine(directive.expected, lines_[next_++]);
      }
      return;
    }
    for (; next_ < lines_.size() && !Trim(lines_[next_]).empty(); ++next_) {
      AddLine(directive.expected, lines_[next_]);
    }
  }

  std::vector<std::string_view> lines_;
  size_t next_ = 0;
};

}  // namespace

absl::StatusOr<std::optional<std::string>> Directive::Value(std::string_view key) const {
  for (const Argument& argument : arguments) {
    if (argument.key != key || argument.values.empty()) continue;
    if (argument.values.size() != 1) {
      return absl::InvalidArgumentError(std::string(key) + " takes one value");
    }
    return argument.values[0];
  }
  return std::nullopt;
}

Script ParseScript(std::string_view text) { return Parser(text).Parse(); }

absl::StatusOr<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return absl::InvalidArgumentError("not a number: " + std::string(text));
  }
  return value;
}

absl::StatusOr<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return absl::InvalidArgumentError("neither true nor false: " + std::string(text));
}

absl::StatusOr<std::vector<uint64_t>> PlainNumbers(const Directive& directive) {
  std::vector<uint64_t> numbers;
  for (const Argument& argument : directive.arguments) {
    if (!argument.values.empty()) continue;
    ASSIGN_OR_RETURN(uint64_t number, ParseNumber(argument.key));
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace flotilla::raft::scenario
