#include "common/config/render.h"

#include <map>
#include <utility>

#include "spdlog/fmt/fmt.h"

namespace flotilla::config {
namespace {

constexpr size_t kColumns = 96;

// Breaks `text` at spaces; every line starts with `indent`.
std::string Wrap(std::string_view text, std::string_view indent) {
  std::string out;
  std::string line;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && indent.size() + line.size() + 1 + word.size() > kColumns) {
      out += fmt::format("{}{}\n", indent, line);
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  return out + fmt::format("{}{}\n", indent, line);
}

std::string DefaultText(const Option& option) {
  if (option.required) return "required";
  const std::string text = FormatValue(option.kind, option.default_value);
  std::string shown = text.empty() ? "none" : text;
  if (!option.unit.empty()) shown += " " + option.unit;
  return "default " + shown;
}

// "default 1s; 100ms to 1m".
std::string Facts(const Option& option) {
  const std::string limits = option.LimitsText();
  std::string facts = DefaultText(option);
  if (option.required && !option.unit.empty()) facts += "; in " + option.unit;
  return limits.empty() ? facts : facts + "; " + limits;
}

struct SplitName {
  std::string table;
  std::string key;
};

SplitName Split(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

// Tables in the order of their first option; the options without table come first, as TOML wants.
std::vector<std::pair<std::string, std::vector<const Option*>>> ByTable(
    const std::vector<Option>& options) {
  std::vector<std::pair<std::string, std::vector<const Option*>>> tables = {{"", {}}};
  std::map<std::string, size_t> index = {{"", 0}};
  for (const Option& option : options) {
    const std::string table = Split(option.name).table;
    const auto [it, added] = index.emplace(table, tables.size());
    if (added) tables.push_back({table, {}});
    tables[it->second].second.push_back(&option);
  }
  return tables;
}

// A JSON object that keeps the order of its members.
struct Object {
  std::vector<std::pair<std::string, std::string>> values;
  std::vector<std::string> names;  // Of `objects`, in the same order.
  std::vector<Object> objects;

  Object& Child(const std::string& name) {
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return objects[i];
    }
    names.push_back(name);
    return objects.emplace_back();
  }

  std::string Render() const {
    std::string out;
    for (const auto& [key, value] : values) {
      out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", QuoteJson(key), value);
    }
    for (size_t i = 0; i < names.size(); ++i) {
      out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", QuoteJson(names[i]),
                         objects[i].Render());
    }
    return "{" + out + "}";
  }
};

constexpr std::string_view kCommonFlags =
    "  --config FILE.toml\n"
    "      Reads options from a TOML file; flags win over it.\n"
    "  --check-config\n"
    "      Checks the options, prints OK or what is wrong, and exits with 0 or 1.\n"
    "  --print-config\n"
    "      Prints the effective options as TOML and exits.\n"
    "  --version\n"
    "      Prints the version and exits.\n"
    "  -h, --help\n"
    "      Prints this text and exits.\n";

}  // namespace

std::string RenderHelp(std::string_view program, std::string_view description,
                       const std::vector<Option>& options) {
  std::string out = fmt::format("{}\n\nusage: {} [--config FILE.toml] [--OPTION VALUE ...]\n",
                                description, program);
  for (const auto& [table, members] : ByTable(options)) {
    if (members.empty()) continue;
    out += table.empty() ? "\noptions\n" : fmt::format("\n[{}]\n", table);
    for (const Option* option : members) {
      out += fmt::format("  --{} {}  ({})\n", option->name, KindName(option->kind), Facts(*option));
      out += Wrap(option->description, "      ");
    }
  }
  return out + "\nof every program\n" + std::string(kCommonFlags);
}

std::string RenderToml(const std::vector<Option>& options) {
  std::string out;
  for (const auto& [table, members] : ByTable(options)) {
    if (members.empty()) continue;
    if (!table.empty()) out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", table);
    for (const Option* option : members) {
      out += Wrap(option->description, "# ");
      out += Wrap(fmt::format("({})", Facts(*option)), "# ");
      out += fmt::format("{} = {}\n", Split(option->name).key, ToJson(option->kind, option->get()));
    }
  }
  return out;
}

std::string RenderJson(const std::vector<Option>& options) {
  Object root;
  for (const Option& option : options) {
    Object* object = &root;
    std::string rest = option.name;
    for (size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
      object = &object->Child(rest.substr(0, dot));
      rest.erase(0, dot + 1);
    }
    object->values.emplace_back(rest, ToJson(option.kind, option.get()));
  }
  return root.Render();
}

}  // namespace flotilla::config
