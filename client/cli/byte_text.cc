#include "client/cli/byte_text.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdint>

#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The length of the UTF-8 character at the front, or 0 when there is none. Overlong forms,
// surrogates and what is beyond U+10FFFF are none.
size_t Utf8Length(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  if (first == 0xE0 && at(1) < 0xA0) return 0;
  if (first == 0xED && at(1) > 0x9F) return 0;
  if (first == 0xF0 && at(1) < 0x90) return 0;
  if (first == 0xF4 && at(1) > 0x8F) return 0;
  return length;
}

void AppendEscaped(std::string& out, unsigned char c) {
  switch (c) {
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\0':
      out += "\\0";
      return;
    default:
      out += "\\x";
      out += kDigits[c >> 4];
      out += kDigits[c & 15];
  }
}

// An ASCII character that stands for itself.
bool IsPlain(char c) { return c >= 0x20 && c < 0x7f && c != '\\'; }

std::string Escape(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (true) {
    // Most of a text is copied in long runs.
    const size_t plain =
        static_cast<size_t>(std::find_if_not(bytes.begin(), bytes.end(), IsPlain) - bytes.begin());
    out.append(bytes.substr(0, plain));
    bytes.remove_prefix(plain);
    if (bytes.empty()) return out;
    const unsigned char c = static_cast<unsigned char>(bytes.front());
    const size_t length = Utf8Length(bytes);
    if (length <= 1) {
      AppendEscaped(out, c);
      bytes.remove_prefix(1);
    } else {
      out.append(bytes.substr(0, length));
      bytes.remove_prefix(length);
    }
  }
}

absl::StatusOr<std::string> Unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char name = i + 1 < text.size() ? text[i + 1] : ' ';
    constexpr std::string_view kNames = "\\nrt0";
    constexpr std::string_view kBytes("\\\n\r\t\0", 5);
    if (const size_t index = kNames.find(name); index != kNames.npos) {
      out += kBytes[index];
      i += 1;
      continue;
    }
    const int high = name == 'x' && i + 3 < text.size() ? DigitOf(text[i + 2]) : -1;
    const int low = high >= 0 ? DigitOf(text[i + 3]) : -1;
    if (low < 0) {
      return absl::InvalidArgumentError(fmt::format(
          "'{}' is not an escape: use \\\\ \\n \\r \\t \\0 or \\xHH", text.substr(i, 4)));
    }
    out += static_cast<char>(high * 16 + low);
    i += 3;
  }
  return out;
}

std::string ToHex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const unsigned char c : bytes) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

absl::StatusOr<std::string> FromHex(std::string_view text) {
  std::string out;
  if (text.size() % 2 != 0) {
    return absl::InvalidArgumentError(
        fmt::format("hex text has an even number of digits, not {}", text.size()));
  }
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = DigitOf(text[i]);
    const int low = DigitOf(text[i + 1]);
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError(
          fmt::format("'{}' are not two hex digits", text.substr(i, 2)));
    }
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

}  // namespace

std::string ToText(std::string_view bytes, ByteForm form) {
  return form == ByteForm::kHex ? ToHex(bytes) : Escape(bytes);
}

absl::StatusOr<std::string> FromText(std::string_view text, ByteForm form) {
  return form == ByteForm::kHex ? FromHex(text) : Unescape(text);
}

bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = Utf8Length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

void AddBytes(Json& object, std::string_view name, std::string_view bytes, ByteForm form) {
  if (form == ByteForm::kEscaped && IsUtf8(bytes)) {
    object.Set(name, bytes);
  } else {
    object.Set(std::string(name) + "_hex", ToHex(bytes));
  }
}

absl::StatusOr<std::string> TakeBytes(const Json& object, std::string_view name) {
  if (const Json* text = object.Find(name)) return text->string();
  if (const Json* hex = object.Find(std::string(name) + "_hex")) return FromHex(hex->string());
  return absl::NotFoundError(fmt::format("there is no member \"{}\" or \"{}_hex\"", name, name));
}

}  // namespace flotilla::cli
