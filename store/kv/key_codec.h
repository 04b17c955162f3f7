// How the keys of requests become keys of the engine and of region boundaries, by API version.
//
//  - V2 (the default): a request's raw key is 'r', three bytes of keyspace id, and the user's key;
//    transactional keys begin with 'x' instead. Engine keys and region boundaries are the
//    memcomparable form of the whole.
//  - V1: plain raw keys, taken as they are everywhere.
//
// Engine keys and region boundaries have the same form, so that a region's range is the range of
// its data in every column family: checks, scans, snapshots and deletions need no translation.
//
// Thread-safe: constant.
#ifndef FLOTILLA_STORE_KV_KEY_CODEC_H_
#define FLOTILLA_STORE_KV_KEY_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/key_range.h"

namespace kvrpcpb {
class Context;
}

namespace flotilla::store {

enum class ApiVersion : uint8_t { kV1 = 1, kV2 = 2 };

// Longest key of a request, its API V2 prefix included.
inline constexpr size_t kMaxKeyBytes = 8 * 1024;

class KeyCodec {
 public:
  explicit KeyCodec(ApiVersion version) : version_(version) {}

  ApiVersion version() const { return version_; }

  // Appends the engine's form of `key`.
  void Encode(std::string_view key, std::string& out) const;
  std::string Encode(std::string_view key) const;
  size_t EncodedSize(std::string_view key) const;
  // Replaces `key` by the request form of an engine key. DataLoss when it is malformed.
  absl::Status Decode(std::string_view engine_key, std::string& key) const;
  // The engine range of a request's [start, end); an empty end has no bound.
  KeyRange EncodeRange(std::string_view start, std::string_view end) const;

  // InvalidArgument when the context's API version is not the cluster's.
  absl::Status CheckContext(const kvrpcpb::Context& context) const;
  // InvalidArgument, with the limit, when `key` cannot be a key: empty, too long, without the raw
  // prefix, or of another keyspace than the context names.
  absl::Status CheckRawKey(const kvrpcpb::Context& context, std::string_view key) const;
  // The same for the bounds of a range; inverted ranges are refused, empty ones are not. In V2 the
  // range must lie in one keyspace.
  absl::Status CheckRawRange(const kvrpcpb::Context& context, std::string_view start,
                             std::string_view end) const;
  // InvalidArgument when `key` cannot bound a region.
  absl::Status CheckBoundary(std::string_view engine_key) const;

 private:
  const ApiVersion version_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_KEY_CODEC_H_
