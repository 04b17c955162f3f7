// The three spellings of a key.
//
//   user key     what the caller passes: any bytes, not empty.
//   request key  what kvrpcpb requests carry. API V1: the user key. API V2: 'r', the keyspace id in
//                three big-endian bytes, the user key.
//   region key   what PD and region metadata carry. API V1 raw: the request key. API V2: its
//                memcomparable encoding.
//
// The region cache works on request keys, so that a lookup encodes nothing. Immutable, thread-safe.
#ifndef FLOTILLA_CLIENT_KEY_CODEC_H_
#define FLOTILLA_CLIENT_KEY_CODEC_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/base/key_range.h"

namespace flotilla::client {

class KeyCodec {
 public:
  // Plain raw keys.
  static KeyCodec V1() { return KeyCodec(); }
  // REQUIRES: `keyspace` fits in three bytes.
  static KeyCodec V2(KeyspaceId keyspace);

  bool is_v2() const { return !prefix_.empty(); }
  KeyspaceId keyspace() const { return keyspace_; }

  std::string ToRequestKey(std::string_view user_key) const;
  // DataLoss when `request_key` is not one of this keyspace: no answer of a store may hold such.
  absl::StatusOr<std::string_view> ToUserKey(std::string_view request_key) const;
  // Every key that the caller can name lies in ToRequestRange({"", ""}).
  KeyRange ToRequestRange(const KeyRange& user_range) const;

  std::string ToRegionKey(std::string_view request_key) const;
  // DataLoss when a boundary is not a valid encoding.
  absl::StatusOr<KeyRange> ToRequestBounds(const KeyRange& region_range) const;

 private:
  KeyCodec() = default;

  KeyspaceId keyspace_;
  std::string prefix_;      // Empty: API V1.
  std::string prefix_end_;  // The first request key after the keyspace.
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_KEY_CODEC_H_
