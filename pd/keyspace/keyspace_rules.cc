#include "pd/keyspace/keyspace_rules.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/coding.h"

namespace flotilla::pd {
namespace {

// The id's last value has no successor in 3 bytes: its range ends with the mode.
std::string Prefix(char mode, uint32_t id) {
  if (id > 0xFFFFFF) return std::string(1, static_cast<char>(mode + 1));
  std::string prefix(1, mode);
  prefix.push_back(static_cast<char>(id >> 16));
  prefix.push_back(static_cast<char>(id >> 8));
  prefix.push_back(static_cast<char>(id));
  return prefix;
}

}  // namespace

absl::Status CheckKeyspaceName(std::string_view name) {
  if (name.empty() || name.size() > kMaxKeyspaceNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "keyspace name of ", name.size(), " bytes, should be 1 to ", kMaxKeyspaceNameBytes));
  }
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') {
      return absl::InvalidArgumentError(absl::StrCat(
          "keyspace name \"", ToAbsl(name), "\" should have letters, digits, '-' and '_' only"));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> KeyspaceBoundaries(KeyspaceId id) {
  std::vector<std::string> boundaries;
  for (const char mode : {'r', 'x'}) {
    boundaries.push_back(EncodeMemcomparable(Prefix(mode, id.value())));
    boundaries.push_back(EncodeMemcomparable(Prefix(mode, id.value() + 1)));
  }
  return boundaries;
}

}  // namespace flotilla::pd
