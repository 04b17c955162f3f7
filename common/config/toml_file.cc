#include "common/config/toml_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "spdlog/fmt/fmt.h"

namespace flotilla::config {
namespace {

constexpr std::string_view kString = "a string";
constexpr std::string_view kInteger = "an integer";
constexpr std::string_view kReal = "a number";
constexpr std::string_view kBool = "a boolean";
constexpr std::string_view kStrings = "a list of strings";

std::optional<std::vector<std::string>> AsStrings(const toml::array& array) {
  std::vector<std::string> texts;
  for (const toml::node& element : array) {
    const auto text = element.value_exact<std::string>();
    if (!text) return std::nullopt;
    texts.push_back(*text);
  }
  return texts;
}

TomlEntry ReadEntry(std::string key, const toml::node& node) {
  TomlEntry entry;
  entry.key = std::move(key);
  entry.line = node.source().begin.line;
  const auto hold = [&entry](std::string_view type, Value value) {
    entry.type = type;
    entry.value = std::move(value);
  };
  if (const auto text = node.value_exact<std::string>()) {
    hold(kString, *text);
  } else if (const auto integer = node.value_exact<int64_t>()) {
    hold(kInteger, *integer);
  } else if (const auto real = node.value_exact<double>()) {
    hold(kReal, *real);
  } else if (const auto flag = node.value_exact<bool>()) {
    hold(kBool, *flag);
  } else {
    const toml::array* array = node.as_array();
    const auto texts = array == nullptr ? std::nullopt : AsStrings(*array);
    if (texts) {
      hold(kStrings, *texts);
    } else {
      hold(array == nullptr ? "a date or time" : "a list of mixed values", std::string());
    }
  }
  return entry;
}

// Depth is bounded by toml++ (TOML_MAX_NESTED_VALUES).
void Flatten(const toml::table& table, const std::string& prefix, std::vector<TomlEntry>& out) {
  for (const auto& [key, node] : table) {
    std::string name = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table()) {
      Flatten(*inner, name + ".", out);
    } else {
      out.push_back(ReadEntry(std::move(name), node));
    }
  }
}

absl::Status WrongType(const TomlEntry& entry, std::string_view wanted) {
  return absl::InvalidArgumentError(fmt::format("is {}, but must be {}", entry.type, wanted));
}

}  // namespace

absl::StatusOr<Value> TomlEntry::As(Kind kind) const {
  switch (kind) {
    case Kind::kBool:
      if (type == kBool) return value;
      return WrongType(*this, kBool);
    case Kind::kInteger:
      if (type == kInteger) return value;
      return WrongType(*this, kInteger);
    case Kind::kReal:
      if (type == kReal) return value;
      if (type == kInteger) return Value(static_cast<double>(std::get<int64_t>(value)));
      return WrongType(*this, kReal);
    case Kind::kString:
      if (type == kString) return value;
      return WrongType(*this, kString);
    case Kind::kStringList:
      if (type == kStrings) return value;
      return WrongType(*this, kStrings);
    case Kind::kDuration:
      if (type == kString) return ParseValue(kind, std::get<std::string>(value));
      return WrongType(*this, "a duration as a string, such as \"100ms\"");
    case Kind::kSize:
      if (type == kInteger) return value;
      if (type == kString) return ParseValue(kind, std::get<std::string>(value));
      return WrongType(*this, "a size as a string, such as \"64MiB\", or a number of bytes");
  }
  return WrongType(*this, "of a known kind");
}

absl::StatusOr<std::vector<TomlEntry>> ReadToml(std::string_view text, std::string_view file_name) {
  std::vector<TomlEntry> entries;
  try {
    Flatten(toml::parse(text, file_name), "", entries);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(fmt::format("{}:{}: {}", file_name, error.source().begin.line,
                                                  std::string(error.description())));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const TomlEntry& a, const TomlEntry& b) { return a.line < b.line; });
  return entries;
}

}  // namespace flotilla::config
