// How raw values lie in the engine: the value, then, if it expires, eight bytes of expiry
// (milliseconds since the Unix epoch, big-endian), then one byte of flags. The suffix form lets a
// read cut the tail off in place.
//
// The expiry is absolute and is fixed by the leader that proposes the write, so that all replicas
// store the same bytes. Readers compare it with their own wall clock; an expired value is as good
// as absent everywhere.
#ifndef FLOTILLA_STORE_KV_VALUE_FORMAT_H_
#define FLOTILLA_STORE_KV_VALUE_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/planted_bugs.h"

namespace flotilla::store {

inline constexpr uint64_t kNeverExpires = 0;

struct StoredValue {
  std::string_view value;
  uint64_t expire_at_ms = kNeverExpires;

  bool ExpiredAt(int64_t now_ms) const {
    if (Planted(Bug::kTtlIgnored)) return false;
    return expire_at_ms != kNeverExpires && static_cast<int64_t>(expire_at_ms) <= now_ms;
  }
  // Whole seconds left, rounded up; 0: never expires. REQUIRES: !ExpiredAt(now_ms).
  uint64_t TtlSeconds(int64_t now_ms) const;
};

// Appends the stored form of `value`.
void AppendStoredValue(std::string_view value, uint64_t expire_at_ms, std::string& out);
size_t StoredValueSize(std::string_view value, uint64_t expire_at_ms);
// The view points into `stored`. DataLoss when malformed.
absl::StatusOr<StoredValue> ParseStoredValue(std::string_view stored);

// The expiry of a request's `ttl_seconds` (0: never) at `now_ms`. InvalidArgument when it does not
// fit.
absl::StatusOr<uint64_t> ExpiryOf(uint64_t ttl_seconds, int64_t now_ms);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_VALUE_FORMAT_H_
