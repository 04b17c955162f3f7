// A timestamp of the cluster: wall-clock milliseconds and a counter within the millisecond (public
// protocol pdpb.Timestamp).
#ifndef FLOTILLA_PD_TSO_TIMESTAMP_H_
#define FLOTILLA_PD_TSO_TIMESTAMP_H_

#include <compare>
#include <cstdint>

namespace flotilla::pd {

inline constexpr int kLogicalBits = 18;
// The largest logical part: 262143.
inline constexpr int64_t kMaxLogical = (int64_t{1} << kLogicalBits) - 1;

struct Timestamp {
  int64_t physical_ms = 0;
  int64_t logical = 0;

  // As one integer, the way transactions use it.
  uint64_t Packed() const {
    return (static_cast<uint64_t>(physical_ms) << kLogicalBits) + static_cast<uint64_t>(logical);
  }
  auto operator<=>(const Timestamp&) const = default;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_TSO_TIMESTAMP_H_
