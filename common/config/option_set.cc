#include "common/config/option_set.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/config/command_line.h"
#include "common/config/render.h"
#include "common/config/toml_file.h"
#include "spdlog/fmt/fmt.h"

namespace flotilla::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// `where`: message.
absl::Status At(std::string_view where, const absl::Status& status) {
  return absl::Status(status.code(), fmt::format("{}: {}", where, std::string(status.message())));
}

Option OfKind(Kind kind) {
  Option option;
  option.kind = kind;
  return option;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open() || std::filesystem::is_directory(path, ignored)) {
    return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  }
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return absl::DataLossError(fmt::format("{}: cannot be read to its end", path));
  return text.str();
}

}  // namespace

OptionSet::OptionSet(std::string program, std::string description)
    : program_(std::move(program)), description_(std::move(description)) {}

const Option* OptionSet::Find(std::string_view name) const {
  const auto it = std::find_if(options_.begin(), options_.end(),
                               [name](const Option& option) { return option.name == name; });
  return it == options_.end() ? nullptr : &*it;
}

void OptionSet::AddOption(Option option, Doc doc) {
  CHECK(Find(doc.name) == nullptr) << "option " << doc.name << " is declared twice";
  CHECK(!IsReservedFlag(doc.name)) << "option " << doc.name << " is one that every program has";
  option.name = std::move(doc.name);
  option.description = std::move(doc.description);
  option.unit = std::move(doc.unit);
  option.required = doc.required;
  option.default_value = option.get();
  CHECK_OK(option.CheckValue(option.default_value)) << "default of " << option.name;
  options_.push_back(std::move(option));
}

void OptionSet::Add(bool* value, Doc doc) {
  Option option = OfKind(Kind::kBool);
  option.set = [value](const Value& given) {
    *value = std::get<bool>(given);
    return absl::OkStatus();
  };
  option.get = [value] { return Value(*value); };
  AddOption(std::move(option), std::move(doc));
}

void OptionSet::Add(double* value, Doc doc, Range<double> range) {
  Option option = OfKind(Kind::kReal);
  option.least = Value(range.least);
  option.most = Value(range.most);
  option.set = [value](const Value& given) {
    *value = std::get<double>(given);
    return absl::OkStatus();
  };
  option.get = [value] { return Value(*value); };
  AddOption(std::move(option), std::move(doc));
}

void OptionSet::Add(std::string* value, Doc doc, std::vector<std::string> choices) {
  Option option = OfKind(Kind::kString);
  option.choices = std::move(choices);
  option.set = [value](const Value& given) {
    *value = std::get<std::string>(given);
    return absl::OkStatus();
  };
  option.get = [value] { return Value(*value); };
  AddOption(std::move(option), std::move(doc));
}

void OptionSet::Add(std::vector<std::string>* value, Doc doc) {
  Option option = OfKind(Kind::kStringList);
  option.set = [value](const Value& given) {
    *value = std::get<std::vector<std::string>>(given);
    return absl::OkStatus();
  };
  option.get = [value] { return Value(*value); };
  AddOption(std::move(option), std::move(doc));
}

void OptionSet::AddNumber(Kind kind, Doc doc, Range<int64_t> range,
                          std::function<absl::Status(int64_t)> set, std::function<int64_t()> get) {
  Option option = OfKind(kind);
  constexpr std::numeric_limits<int64_t> kAll;
  if (range.least != kAll.min()) option.least = Value(range.least);
  if (range.most != kAll.max()) option.most = Value(range.most);
  option.set = [set = std::move(set)](const Value& given) { return set(std::get<int64_t>(given)); };
  option.get = [get = std::move(get)] { return Value(get()); };
  AddOption(std::move(option), std::move(doc));
}

void OptionSet::Add(nanoseconds* value, Doc doc, Range<nanoseconds> range) {
  const Range<int64_t> limits = {range.least.count(), range.most.count()};
  AddNumber(
      Kind::kDuration, std::move(doc), limits,
      [value](int64_t nanos) {
        *value = nanoseconds(nanos);
        return absl::OkStatus();
      },
      [value] { return static_cast<int64_t>(value->count()); });
}

void OptionSet::Add(milliseconds* value, Doc doc, Range<milliseconds> range) {
  const Range<int64_t> limits = {nanoseconds(range.least).count(), nanoseconds(range.most).count()};
  AddNumber(
      Kind::kDuration, std::move(doc), limits,
      [value](int64_t nanos) {
        if (nanos % 1'000'000 != 0) {
          return absl::InvalidArgumentError(fmt::format("{} is not a whole number of milliseconds",
                                                        FormatDuration(nanoseconds(nanos))));
        }
        *value = milliseconds(nanos / 1'000'000);
        return absl::OkStatus();
      },
      [value] { return static_cast<int64_t>(nanoseconds(*value).count()); });
}

void OptionSet::AddSize(uint64_t* value, Doc doc, Range<uint64_t> range) {
  const Range<int64_t> limits = {static_cast<int64_t>(range.least),
                                 static_cast<int64_t>(range.most)};
  AddNumber(
      Kind::kSize, std::move(doc), limits,
      [value](int64_t bytes) {
        *value = static_cast<uint64_t>(bytes);
        return absl::OkStatus();
      },
      [value] { return static_cast<int64_t>(*value); });
}

void OptionSet::AddCheck(std::function<absl::Status()> check) {
  checks_.push_back(std::move(check));
}

absl::Status OptionSet::ParseToml(std::string_view text, std::string_view file_name) {
  ASSIGN_OR_RETURN(const std::vector<TomlEntry> entries, ReadToml(text, file_name));
  for (const TomlEntry& entry : entries) {
    const std::string where = fmt::format("{}:{}: {}", file_name, entry.line, entry.key);
    const Option* option = Find(entry.key);
    if (option == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("{}: unknown key; {} --help lists all", where, program_));
    }
    absl::StatusOr<Value> value = entry.As(option->kind);
    if (!value.ok()) return At(where, value.status());
    if (auto status = option->CheckValue(*value); !status.ok()) return At(where, status);
    if (auto status = option->set(*value); !status.ok()) return At(where, status);
  }
  return absl::OkStatus();
}

absl::Status OptionSet::ApplyFlags(const std::vector<std::pair<std::string, std::string>>& flags) {
  for (const auto& [name, text] : flags) {
    const Option* option = Find(name);
    CHECK(option != nullptr) << name;
    absl::StatusOr<Value> value = ParseValue(option->kind, text);
    if (!value.ok()) return At("--" + name, value.status());
    if (auto status = option->CheckValue(*value); !status.ok()) return At("--" + name, status);
    if (auto status = option->set(*value); !status.ok()) return At("--" + name, status);
  }
  return absl::OkStatus();
}

absl::Status OptionSet::Check() const {
  for (const Option& option : options_) {
    if (option.required && FormatValue(option.kind, option.get()).empty()) {
      return absl::InvalidArgumentError(fmt::format(
          "{}: is required: give --{} or set it in the --config file", option.name, option.name));
    }
  }
  for (const auto& check : checks_) RETURN_IF_ERROR(check());
  return absl::OkStatus();
}

absl::StatusOr<Action> OptionSet::Parse(int argc, const char* const* argv) {
  ASSIGN_OR_RETURN(const CommandLine line, ReadCommandLine(options_, argc, argv));
  if (line.action == Action::kHelp || line.action == Action::kVersion) return line.action;
  if (!line.config_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(line.config_file));
    RETURN_IF_ERROR(ParseToml(text, line.config_file));
  }
  RETURN_IF_ERROR(ApplyFlags(line.flags));
  RETURN_IF_ERROR(Check());
  return line.action;
}

std::optional<int> OptionSet::HandleCommandLine(int argc, const char* const* argv,
                                                std::ostream& out, std::ostream& err) {
  const absl::StatusOr<Action> action = Parse(argc, argv);
  if (!action.ok()) {
    err << program_ << ": " << action.status().message() << "\n";
    return 1;
  }
  switch (*action) {
    case Action::kRun:
      return std::nullopt;
    case Action::kHelp:
      out << HelpText();
      return 0;
    case Action::kVersion:
      out << program_ << " " << FLOTILLA_VERSION << "\n";
      return 0;
    case Action::kCheckConfig:
      out << "OK\n";
      return 0;
    case Action::kPrintConfig:
      out << ToToml();
      return 0;
  }
  return std::nullopt;
}

std::string OptionSet::HelpText() const { return RenderHelp(program_, description_, options_); }

std::string OptionSet::ToToml() const { return RenderToml(options_); }

std::string OptionSet::ToJson() const { return RenderJson(options_); }

}  // namespace flotilla::config
