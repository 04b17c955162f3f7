// Json::Parse: RFC 8259, by recursive descent with a bound on the depth.
#include <spdlog/fmt/fmt.h>

#include <charconv>

#include "client/cli/json.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

constexpr int kMaxDepth = 64;

void AppendUtf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<Json> ParseAll() {
    ASSIGN_OR_RETURN(Json value, ParseValue(0));
    SkipSpace();
    if (position_ != text_.size()) return Error("more text after the value");
    return value;
  }

 private:
  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(fmt::format("JSON, at byte {}: {}", position_, what));
  }
  char Peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  bool Take(char c) {
    if (Peek() != c || position_ >= text_.size()) return false;
    ++position_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }
  void SkipSpace() {
    while (position_ < text_.size() &&
           (Peek() == ' ' || Peek() == '\t' || Peek() == '\n' || Peek() == '\r')) {
      ++position_;
    }
  }

  absl::StatusOr<Json> ParseValue(int depth) {
    if (depth > kMaxDepth) return Error(fmt::format("nested deeper than {}", kMaxDepth));
    SkipSpace();
    switch (Peek()) {
      case '{':
        return ParseObject(depth);
      case '[':
        return ParseArray(depth);
      case '"': {
        ASSIGN_OR_RETURN(std::string text, ParseString());
        return Json(std::move(text));
      }
      default:
        break;
    }
    if (TakeWord("true")) return Json(true);
    if (TakeWord("false")) return Json(false);
    if (TakeWord("null")) return Json();
    return ParseNumber();
  }

  absl::StatusOr<Json> ParseObject(int depth) {
    ++position_;
    Json object = Json::MakeObject();
    SkipSpace();
    if (Take('}')) return object;
    while (true) {
      SkipSpace();
      if (Peek() != '"') return Error("a member's name is missing");
      ASSIGN_OR_RETURN(const std::string name, ParseString());
      SkipSpace();
      if (!Take(':')) return Error("':' is missing");
      ASSIGN_OR_RETURN(Json value, ParseValue(depth + 1));
      object.Set(name, std::move(value));
      SkipSpace();
      if (Take('}')) return object;
      if (!Take(',')) return Error("',' or '}' is missing");
    }
  }

  absl::StatusOr<Json> ParseArray(int depth) {
    ++position_;
    Json array = Json::MakeArray();
    SkipSpace();
    if (Take(']')) return array;
    while (true) {
      ASSIGN_OR_RETURN(Json value, ParseValue(depth + 1));
      array.Append(std::move(value));
      SkipSpace();
      if (Take(']')) return array;
      if (!Take(',')) return Error("',' or ']' is missing");
    }
  }

  absl::StatusOr<std::string> ParseString() {
    ++position_;
    std::string out;
    while (position_ < text_.size()) {
      const char c = text_[position_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) return Error("a control character in a string");
      if (c != '\\') {
        out += c;
        continue;
      }
      RETURN_IF_ERROR(ParseEscape(out));
    }
    return Error("a string without an end");
  }

  absl::Status ParseEscape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kBytes = "\"\\/\b\f\n\r\t";
    const char c = Peek();
    ++position_;
    if (const size_t index = kNames.find(c); index != kNames.npos && c != '\0') {
      out += kBytes[index];
      return absl::OkStatus();
    }
    if (c != 'u') return Error("an unknown escape");
    ASSIGN_OR_RETURN(uint32_t code, ParseHex4());
    if (code >= 0xDC00 && code < 0xE000) return Error("half of a surrogate pair");
    if (code >= 0xD800 && code < 0xDC00) {
      if (!TakeWord("\\u")) return Error("half of a surrogate pair");
      ASSIGN_OR_RETURN(const uint32_t low, ParseHex4());
      if (low < 0xDC00 || low >= 0xE000) return Error("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    AppendUtf8(out, code);
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> ParseHex4() {
    const std::string_view digits = text_.substr(position_, 4);
    uint32_t code = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || digits.size() != 4 || end != digits.data() + 4) {
      return Error("four hexadecimal digits are missing");
    }
    position_ += 4;
    return code;
  }

  absl::StatusOr<Json> ParseNumber() {
    const size_t start = position_;
    while (position_ < text_.size() &&
           std::string_view("+-.eE0123456789").find(Peek()) != std::string_view::npos) {
      ++position_;
    }
    const std::string_view token = text_.substr(start, position_ - start);
    const char* const first = token.data();
    const char* const last = first + token.size();
    int64_t integer = 0;
    if (auto [end, error] = std::from_chars(first, last, integer);
        error == std::errc() && end == last && !token.empty()) {
      return Json(integer);
    }
    double number = 0;
    if (auto [end, error] = std::from_chars(first, last, number);
        error == std::errc() && end == last && !token.empty()) {
      return Json(number);
    }
    position_ = start;
    return Error("no value");
  }

  const std::string_view text_;
  size_t position_ = 0;
};

}  // namespace

absl::StatusOr<Json> Json::Parse(std::string_view text) { return Parser(text).ParseAll(); }

}  // namespace flotilla::cli
