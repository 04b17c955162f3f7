#include "store/kv/value_format.h"

#include "absl/strings/str_cat.h"
#include "common/base/coding.h"

namespace flotilla::store {
namespace {

constexpr uint8_t kExpiresFlag = 1;
constexpr size_t kFlagsBytes = 1;
constexpr size_t kExpiryBytes = 8;
// A thousand years: far beyond any use, far below an overflow.
constexpr uint64_t kMaxTtlSeconds = 1000ull * 366 * 24 * 3600;

}  // namespace

uint64_t StoredValue::TtlSeconds(int64_t now_ms) const {
  if (expire_at_ms == kNeverExpires) return 0;
  return (expire_at_ms - static_cast<uint64_t>(now_ms) + 999) / 1000;
}

void AppendStoredValue(std::string_view value, uint64_t expire_at_ms, std::string& out) {
  out.append(value);
  if (expire_at_ms == kNeverExpires) {
    out.push_back(0);
    return;
  }
  PutBigEndian64(out, expire_at_ms);
  out.push_back(static_cast<char>(kExpiresFlag));
}

size_t StoredValueSize(std::string_view value, uint64_t expire_at_ms) {
  return value.size() + kFlagsBytes + (expire_at_ms == kNeverExpires ? 0 : kExpiryBytes);
}

absl::StatusOr<StoredValue> ParseStoredValue(std::string_view stored) {
  if (stored.empty()) return absl::DataLossError("a stored value has no flags");
  const auto flags = static_cast<uint8_t>(stored.back());
  stored.remove_suffix(kFlagsBytes);
  if (flags == 0) return StoredValue{.value = stored};
  if (flags != kExpiresFlag || stored.size() < kExpiryBytes) {
    return absl::DataLossError(absl::StrCat("a stored value of ", stored.size() + kFlagsBytes,
                                            " bytes has the unknown flags ", flags));
  }
  std::string_view tail = stored.substr(stored.size() - kExpiryBytes);
  StoredValue parsed{.value = stored.substr(0, stored.size() - kExpiryBytes)};
  GetBigEndian64(tail, parsed.expire_at_ms);
  return parsed;
}

absl::StatusOr<uint64_t> ExpiryOf(uint64_t ttl_seconds, int64_t now_ms) {
  if (ttl_seconds == 0) return kNeverExpires;
  if (ttl_seconds > kMaxTtlSeconds) {
    return absl::InvalidArgumentError(absl::StrCat("TtlTooLarge: the TTL of ", ttl_seconds,
                                                   " s is beyond the limit of ", kMaxTtlSeconds,
                                                   " s"));
  }
  return static_cast<uint64_t>(now_ms) + ttl_seconds * 1000;
}

}  // namespace flotilla::store
