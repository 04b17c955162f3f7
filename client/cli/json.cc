#include "client/cli/json.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "common/base/check.h"

namespace flotilla::cli {
namespace {

const std::string kNoString;
const Json::Array kNoArray;
const Json::Object kNoObject;

void Indent(std::string& out, int indent, int depth) {
  if (indent == 0) return;
  out += '\n';
  out.append(static_cast<size_t>(indent) * depth, ' ');
}

}  // namespace

std::string QuoteJson(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

std::string Json::Dump() const {
  std::string out;
  Write(out, 0, 0);
  return out;
}

std::string Json::DumpPretty() const {
  std::string out;
  Write(out, 2, 0);
  return out + '\n';
}

void Json::Write(std::string& out, int indent, int depth) const {
  if (const auto* value = std::get_if<bool>(&value_)) {
    out += *value ? "true" : "false";
  } else if (const auto* value = std::get_if<int64_t>(&value_)) {
    out += std::to_string(*value);
  } else if (const auto* value = std::get_if<uint64_t>(&value_)) {
    out += std::to_string(*value);
  } else if (const auto* value = std::get_if<double>(&value_)) {
    out += std::isfinite(*value) ? fmt::format("{}", *value) : "null";
  } else if (const auto* value = std::get_if<std::string>(&value_)) {
    out += QuoteJson(*value);
  } else if (const auto* items = std::get_if<Array>(&value_)) {
    out += '[';
    for (size_t i = 0; i < items->size(); ++i) {
      if (i > 0) out += ',';
      Indent(out, indent, depth + 1);
      (*items)[i].Write(out, indent, depth + 1);
    }
    if (!items->empty()) Indent(out, indent, depth);
    out += ']';
  } else if (const auto* members = std::get_if<Object>(&value_)) {
    out += '{';
    for (size_t i = 0; i < members->size(); ++i) {
      if (i > 0) out += ',';
      Indent(out, indent, depth + 1);
      out += QuoteJson((*members)[i].first) + (indent > 0 ? ": " : ":");
      (*members)[i].second.Write(out, indent, depth + 1);
    }
    if (!members->empty()) Indent(out, indent, depth);
    out += '}';
  } else {
    out += "null";
  }
}

Json& Json::Set(std::string_view name, Json value) {
  auto* members = std::get_if<Object>(&value_);
  CHECK(members != nullptr) << "not an object";
  members->emplace_back(std::string(name), std::move(value));
  return *this;
}

Json& Json::Append(Json value) {
  auto* items = std::get_if<Array>(&value_);
  CHECK(items != nullptr) << "not an array";
  items->push_back(std::move(value));
  return *this;
}

const Json* Json::Find(std::string_view name) const {
  for (const Member& member : object()) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

const std::string& Json::string() const {
  const auto* value = std::get_if<std::string>(&value_);
  return value == nullptr ? kNoString : *value;
}

int64_t Json::integer() const {
  if (const auto* value = std::get_if<int64_t>(&value_)) return *value;
  if (const auto* value = std::get_if<uint64_t>(&value_)) return static_cast<int64_t>(*value);
  return 0;
}

double Json::number() const {
  if (const auto* value = std::get_if<double>(&value_)) return *value;
  return static_cast<double>(integer());
}

bool Json::boolean() const {
  const auto* value = std::get_if<bool>(&value_);
  return value != nullptr && *value;
}

const Json::Array& Json::array() const {
  const auto* items = std::get_if<Array>(&value_);
  return items == nullptr ? kNoArray : *items;
}

const Json::Object& Json::object() const {
  const auto* members = std::get_if<Object>(&value_);
  return members == nullptr ? kNoObject : *members;
}

}  // namespace flotilla::cli
