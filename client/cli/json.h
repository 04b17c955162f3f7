// JSON values for --json output, for cluster.json and for jsonl files.
//
// Objects keep the order in which members were added. Strings are UTF-8; bytes that are not go out
// through AddBytes (byte_text.h), never into a string here.
#ifndef FLOTILLA_CLIENT_CLI_JSON_H_
#define FLOTILLA_CLIENT_CLI_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace flotilla::cli {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;  // null
  Json(bool value) : value_(value) {}
  Json(int value) : value_(static_cast<int64_t>(value)) {}
  Json(int64_t value) : value_(value) {}
  Json(uint64_t value) : value_(value) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  static Json MakeArray() { return Json(Array()); }
  static Json MakeObject() { return Json(Object()); }

  // InvalidArgument, naming the position, when `text` is not one JSON value; nesting is limited.
  static absl::StatusOr<Json> Parse(std::string_view text);
  // One line, without spaces.
  std::string Dump() const;
  // Over several lines, for files that people read.
  std::string DumpPretty() const;

  // REQUIRES: an object. Adds a member at the end.
  Json& Set(std::string_view name, Json value);
  // REQUIRES: an array.
  Json& Append(Json value);

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  // Null unless it is an object that has the member.
  const Json* Find(std::string_view name) const;
  // Empty views, zeros and empty arrays when it is of another kind.
  const std::string& string() const;
  int64_t integer() const;
  double number() const;
  bool boolean() const;
  const Array& array() const;
  const Object& object() const;

 private:
  void Write(std::string& out, int indent, int depth) const;

  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> value_;
};

// A JSON string literal of `text`, which must be UTF-8.
std::string QuoteJson(std::string_view text);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_JSON_H_
