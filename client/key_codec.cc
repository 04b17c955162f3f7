#include "client/key_codec.h"

#include <spdlog/fmt/bin_to_hex.h>
#include <spdlog/fmt/fmt.h>

#include "common/base/check.h"
#include "common/base/coding.h"
#include "common/base/status_macros.h"

namespace flotilla::client {
namespace {

constexpr char kRawMode = 'r';
constexpr uint32_t kKeyspaceIdLimit = 1u << 24;

absl::StatusOr<std::string> DecodeBoundary(std::string_view boundary) {
  if (boundary.empty()) return std::string();
  std::string_view rest = boundary;
  std::string key;
  if (!GetMemcomparable(rest, key) || !rest.empty()) {
    return absl::DataLossError(
        fmt::format("region boundary of {} bytes is not memcomparable: {:np}", boundary.size(),
                    spdlog::to_hex(boundary.begin(), boundary.end())));
  }
  return key;
}

}  // namespace

KeyCodec KeyCodec::V2(KeyspaceId keyspace) {
  CHECK_LT(keyspace.value(), kKeyspaceIdLimit) << "keyspace ids have three bytes";
  KeyCodec codec;
  codec.keyspace_ = keyspace;
  const uint32_t mode_and_id = (static_cast<uint32_t>(kRawMode) << 24) | keyspace.value();
  PutBigEndian32(codec.prefix_, mode_and_id);
  // The last keyspace is followed by mode 's': the sum carries into the mode byte.
  PutBigEndian32(codec.prefix_end_, mode_and_id + 1);
  return codec;
}

std::string KeyCodec::ToRequestKey(std::string_view user_key) const {
  std::string key;
  key.reserve(prefix_.size() + user_key.size());
  key.append(prefix_);
  key.append(user_key);
  return key;
}

absl::StatusOr<std::string_view> KeyCodec::ToUserKey(std::string_view request_key) const {
  if (!request_key.starts_with(prefix_)) {
    return absl::DataLossError(fmt::format("a store answered with a key of another keyspace: {:np}",
                                           spdlog::to_hex(request_key)));
  }
  return request_key.substr(prefix_.size());
}

KeyRange KeyCodec::ToRequestRange(const KeyRange& user_range) const {
  return {ToRequestKey(user_range.start),
          user_range.end.empty() ? prefix_end_ : ToRequestKey(user_range.end)};
}

std::string KeyCodec::ToRegionKey(std::string_view request_key) const {
  return is_v2() && !request_key.empty() ? EncodeMemcomparable(request_key)
                                         : std::string(request_key);
}

absl::StatusOr<KeyRange> KeyCodec::ToRequestBounds(const KeyRange& region_range) const {
  if (!is_v2()) return region_range;
  KeyRange bounds;
  ASSIGN_OR_RETURN(bounds.start, DecodeBoundary(region_range.start));
  ASSIGN_OR_RETURN(bounds.end, DecodeBoundary(region_range.end));
  return bounds;
}

}  // namespace flotilla::client
