// One declared option: everything that help texts, files, flags and checks need to know about it.
#ifndef FLOTILLA_COMMON_CONFIG_OPTION_H_
#define FLOTILLA_COMMON_CONFIG_OPTION_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/config/value.h"

namespace flotilla::config {

struct Option {
  // "raft.election-timeout": the key election-timeout of the table [raft], and the flag
  // --raft.election-timeout.
  std::string name;
  std::string description;
  // What the number counts ("regions", "percent"); empty when the value carries its own unit.
  std::string unit;
  Kind kind = Kind::kString;
  // An empty text or list is refused.
  bool required = false;
  // The value at declaration.
  Value default_value;
  // Inclusive limits of numbers, durations and sizes.
  std::optional<Value> least, most;
  // The texts that are allowed; empty: all.
  std::vector<std::string> choices;
  // Moves a value that passed CheckValue to the component's struct, and reads it back.
  std::function<absl::Status(const Value&)> set;
  std::function<Value()> get;

  // InvalidArgument, naming value and limit, when `value` is out of limits or not among the
  // choices.
  absl::Status CheckValue(const Value& value) const;
  // "100ms to 1m", "at least 1", "one of a, b"; empty when everything is allowed.
  std::string LimitsText() const;
};

}  // namespace flotilla::config

#endif  // FLOTILLA_COMMON_CONFIG_OPTION_H_
