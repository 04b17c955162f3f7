// What a keyspace may be called and which keys are its own (public API V2: a mode byte, `r` for raw
// and `x` for transactional keys, and the keyspace's id in 3 bytes before every key).
#ifndef FLOTILLA_PD_KEYSPACE_KEYSPACE_RULES_H_
#define FLOTILLA_PD_KEYSPACE_KEYSPACE_RULES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/base/ids.h"

namespace flotilla::pd {

// There from the beginning, with id 0.
inline constexpr std::string_view kDefaultKeyspaceName = "DEFAULT";
inline constexpr uint32_t kMaxKeyspaceId = 0xFFFFFE;
inline constexpr size_t kMaxKeyspaceNameBytes = 64;
inline constexpr size_t kMaxKeyspaceConfigEntries = 64;
inline constexpr size_t kMaxKeyspaceConfigBytes = 4096;

// InvalidArgument: empty, too long, or other characters than letters, digits, '-' and '_'.
absl::Status CheckKeyspaceName(std::string_view name);

// Where regions have to be cut for the keyspace, as region boundaries (memcomparable), in order:
// start and end of its raw keys, start and end of its transactional keys.
std::vector<std::string> KeyspaceBoundaries(KeyspaceId id);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_KEYSPACE_KEYSPACE_RULES_H_
