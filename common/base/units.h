// Sizes with their unit in the code: 8 * kMiB.
#ifndef FLOTILLA_COMMON_BASE_UNITS_H_
#define FLOTILLA_COMMON_BASE_UNITS_H_

#include <cstdint>

namespace flotilla {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

}  // namespace flotilla

#endif  // FLOTILLA_COMMON_BASE_UNITS_H_
