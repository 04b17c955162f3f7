// The values that an option can have, and their written forms: "100ms", "64MiB", true, 20160.
#ifndef FLOTILLA_COMMON_CONFIG_VALUE_H_
#define FLOTILLA_COMMON_CONFIG_VALUE_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace flotilla::config {

enum class Kind { kBool, kInteger, kReal, kString, kStringList, kDuration, kSize };

// What a value of a kind is held as: kDuration in nanoseconds and kSize in bytes, both int64_t.
using Value = std::variant<bool, int64_t, double, std::string, std::vector<std::string>>;

// The word that stands for a value of this kind in help texts and errors: DURATION, SIZE, ...
std::string_view KindName(Kind kind);

// "1h30m", "100ms", "1.5s"; units ns, us, ms, s, m, h, d. A number without unit is refused, but for
// "0". Never negative. InvalidArgument says what is wrong with `text`.
absl::StatusOr<std::chrono::nanoseconds> ParseDuration(std::string_view text);
// The shortest exact form that ParseDuration reads back: 90s is "1m30s".
std::string FormatDuration(std::chrono::nanoseconds duration);

// "64MiB", "1.5GiB", "512"; units B, KiB, MiB, GiB, TiB (KB, MB, GB, TB mean the same; so do K, M,
// G, T). A number alone is bytes. InvalidArgument says what is wrong with `text`.
absl::StatusOr<int64_t> ParseSize(std::string_view text);
// The largest unit that divides it: 67108864 is "64MiB".
std::string FormatSize(int64_t bytes);

// A flag's text as a value of `kind`; a list is separated by commas.
absl::StatusOr<Value> ParseValue(Kind kind, std::string_view text);

// For people: help texts and errors.
std::string FormatValue(Kind kind, const Value& value);
// As JSON, which is also valid on the right side in TOML. Durations and sizes are strings.
std::string ToJson(Kind kind, const Value& value);
// A JSON string with its quotes.
std::string QuoteJson(std::string_view text);

}  // namespace flotilla::config

#endif  // FLOTILLA_COMMON_CONFIG_VALUE_H_
