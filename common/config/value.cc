#include "common/config/value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "spdlog/fmt/fmt.h"

namespace flotilla::config {
namespace {

using Nanos = std::chrono::nanoseconds;

struct Unit {
  std::string_view name;
  int64_t scale;
};

constexpr std::array<Unit, 7> kDurationUnits = {{{"d", 86'400'000'000'000},
                                                 {"h", 3'600'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"ms", 1'000'000},
                                                 {"us", 1'000},
                                                 {"ns", 1}}};
constexpr std::array<Unit, 14> kSizeUnits = {{{"TiB", 1LL << 40},
                                              {"GiB", 1LL << 30},
                                              {"MiB", 1LL << 20},
                                              {"KiB", 1LL << 10},
                                              {"TB", 1LL << 40},
                                              {"GB", 1LL << 30},
                                              {"MB", 1LL << 20},
                                              {"KB", 1LL << 10},
                                              {"T", 1LL << 40},
                                              {"G", 1LL << 30},
                                              {"M", 1LL << 20},
                                              {"K", 1LL << 10},
                                              {"B", 1},
                                              {"", 1}}};

absl::Status Malformed(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("\"{}\" is not {}", text, what));
}

// Takes digits with at most one point, then letters, off the front of `rest`.
bool TakeNumberAndUnit(std::string_view& rest, std::string_view& number, std::string_view& unit) {
  const size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
  number = rest.substr(0, digits);
  rest.remove_prefix(digits);
  const size_t letters = std::min(rest.find_first_of("0123456789."), rest.size());
  unit = rest.substr(0, letters);
  rest.remove_prefix(letters);
  return !number.empty();
}

// `number` times `scale`, when it is a whole number of 63 bits. Whole numbers are exact.
bool Scale(std::string_view number, int64_t scale, int64_t& result) {
  const char* end = number.data() + number.size();
  int64_t whole = 0;
  if (auto [at, error] = std::from_chars(number.data(), end, whole);
      error == std::errc() && at == end) {
    return !__builtin_mul_overflow(whole, scale, &result);
  }
  double fraction = 0;
  auto [at, error] = std::from_chars(number.data(), end, fraction);
  if (error != std::errc() || at != end) return false;
  const double scaled = std::round(fraction * static_cast<double>(scale));
  if (!(scaled < static_cast<double>(std::numeric_limits<int64_t>::max()))) return false;
  result = static_cast<int64_t>(scaled);
  return true;
}

template <size_t N>
const Unit* FindUnit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

std::vector<std::string> SplitByComma(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

template <typename T>
absl::StatusOr<Value> ParseNumber(std::string_view text, std::string_view what) {
  T number{};
  const char* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return Malformed(text, what);
  return Value(number);
}

}  // namespace

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return "BOOL";
    case Kind::kInteger:
      return "INTEGER";
    case Kind::kReal:
      return "NUMBER";
    case Kind::kString:
      return "TEXT";
    case Kind::kStringList:
      return "LIST";
    case Kind::kDuration:
      return "DURATION";
    case Kind::kSize:
      return "SIZE";
  }
  CHECK(false) << "kind " << static_cast<int>(kind);
  return "";
}

absl::StatusOr<Nanos> ParseDuration(std::string_view text) {
  constexpr std::string_view kWhat = "a duration such as 100ms, 10s or 1h30m";
  if (text == "0") return Nanos(0);
  if (text.empty()) return Malformed(text, kWhat);
  int64_t total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view number, name;
    int64_t part = 0;
    if (!TakeNumberAndUnit(rest, number, name)) return Malformed(text, kWhat);
    const Unit* unit = FindUnit(kDurationUnits, name);
    if (unit == nullptr || !Scale(number, unit->scale, part) ||
        __builtin_add_overflow(total, part, &total)) {
      return Malformed(text, kWhat);
    }
  }
  return Nanos(total);
}

std::string FormatDuration(Nanos duration) {
  int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string text;
  for (const Unit& unit : kDurationUnits) {
    if (rest < unit.scale) continue;
    text += fmt::format("{}{}", rest / unit.scale, unit.name);
    rest %= unit.scale;
  }
  return text;
}

absl::StatusOr<int64_t> ParseSize(std::string_view text) {
  constexpr std::string_view kWhat = "a size such as 512, 64KiB or 1.5GiB";
  std::string_view rest = text, number, name;
  int64_t bytes = 0;
  if (!TakeNumberAndUnit(rest, number, name) || !rest.empty()) return Malformed(text, kWhat);
  const Unit* unit = FindUnit(kSizeUnits, name);
  if (unit == nullptr || !Scale(number, unit->scale, bytes)) return Malformed(text, kWhat);
  return bytes;
}

std::string FormatSize(int64_t bytes) {
  for (const Unit& unit : kSizeUnits) {
    if (bytes >= unit.scale && bytes % unit.scale == 0) {
      return fmt::format("{}{}", bytes / unit.scale, unit.scale == 1 ? "B" : unit.name);
    }
  }
  return fmt::format("{}B", bytes);
}

absl::StatusOr<Value> ParseValue(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::kBool:
      if (text == "true") return Value(true);
      if (text == "false") return Value(false);
      return Malformed(text, "true or false");
    case Kind::kInteger:
      return ParseNumber<int64_t>(text, "a whole number");
    case Kind::kReal:
      return ParseNumber<double>(text, "a number");
    case Kind::kString:
      return Value(std::string(text));
    case Kind::kStringList:
      return Value(SplitByComma(text));
    case Kind::kDuration: {
      ASSIGN_OR_RETURN(const Nanos duration, ParseDuration(text));
      return Value(static_cast<int64_t>(duration.count()));
    }
    case Kind::kSize: {
      ASSIGN_OR_RETURN(const int64_t bytes, ParseSize(text));
      return Value(bytes);
    }
  }
  CHECK(false) << "kind " << static_cast<int>(kind);
  return Value();
}

std::string FormatValue(Kind kind, const Value& value) {
  switch (kind) {
    case Kind::kString:
      return std::get<std::string>(value);
    case Kind::kDuration:
      return FormatDuration(Nanos(std::get<int64_t>(value)));
    case Kind::kSize:
      return FormatSize(std::get<int64_t>(value));
    case Kind::kStringList: {
      std::string text;
      for (const std::string& part : std::get<std::vector<std::string>>(value)) {
        text += (text.empty() ? "" : ",") + part;
      }
      return text;
    }
    default:
      return ToJson(kind, value);
  }
}

std::string ToJson(Kind kind, const Value& value) {
  switch (kind) {
    case Kind::kBool:
      return std::get<bool>(value) ? "true" : "false";
    case Kind::kInteger:
      return std::to_string(std::get<int64_t>(value));
    case Kind::kReal: {
      // TOML tells a real number by its point.
      std::string text = fmt::format("{}", std::get<double>(value));
      return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
    }
    case Kind::kStringList: {
      std::string text;
      for (const std::string& part : std::get<std::vector<std::string>>(value)) {
        text += (text.empty() ? "" : ", ") + QuoteJson(part);
      }
      return "[" + text + "]";
    }
    default:
      return QuoteJson(FormatValue(kind, value));
  }
}

std::string QuoteJson(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace flotilla::config
