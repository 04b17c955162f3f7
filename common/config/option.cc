#include "common/config/option.h"

#include <algorithm>

#include "spdlog/fmt/fmt.h"

namespace flotilla::config {
namespace {

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

}  // namespace

absl::Status Option::CheckValue(const Value& value) const {
  // Written so that a NaN is out of range too.
  const bool within = (!least || value >= *least) && (!most || value <= *most);
  if (!within) {
    return absl::InvalidArgumentError(
        fmt::format("{} is out of range: it must be {}", FormatValue(kind, value), LimitsText()));
  }
  if (choices.empty()) return absl::OkStatus();
  const std::string& text = std::get<std::string>(value);
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is not allowed: it must be {}", text, LimitsText()));
  }
  return absl::OkStatus();
}

std::string Option::LimitsText() const {
  if (!choices.empty()) return "one of " + Join(choices);
  if (least && most) return FormatValue(kind, *least) + " to " + FormatValue(kind, *most);
  if (least) return "at least " + FormatValue(kind, *least);
  if (most) return "at most " + FormatValue(kind, *most);
  return "";
}

}  // namespace flotilla::config
