// Reads TOML into a flat list of keys and values; toml++ is behind it, and only toml_file.cc knows.
#ifndef FLOTILLA_COMMON_CONFIG_TOML_FILE_H_
#define FLOTILLA_COMMON_CONFIG_TOML_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/value.h"

namespace flotilla::config {

struct TomlEntry {
  // With the names of its tables: "raft.tick".
  std::string key;
  uint32_t line = 0;
  // What the file has: "an integer", "a string", ...
  std::string type;
  // Empty alternatives (a date, an array of numbers) hold an empty text and As refuses them.
  Value value;

  // As a value of `kind`. A duration is a string; a size a string or a whole number of bytes; a
  // number is no string. InvalidArgument says what the type is and what it must be.
  absl::StatusOr<Value> As(Kind kind) const;
};

// In the order of the file. InvalidArgument with `file_name` and line when it is not TOML.
absl::StatusOr<std::vector<TomlEntry>> ReadToml(std::string_view text, std::string_view file_name);

}  // namespace flotilla::config

#endif  // FLOTILLA_COMMON_CONFIG_TOML_FILE_H_
