// How each operation on many keys or on a range fills its request and reads its answer
// (batch_op.h, range_op.h).
#ifndef FLOTILLA_CLIENT_BATCH_SPEC_H_
#define FLOTILLA_CLIENT_BATCH_SPEC_H_

#include <cstdint>
#include <string>
#include <utility>

#include "client/key_codec.h"
#include "client/region_op.h"
#include "client/store_rpc.h"
#include "common/base/key_range.h"
#include "common/base/status_macros.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::client {

struct NoResult {};

struct BatchGetSpec {
  using Request = kvrpcpb::RawBatchGetRequest;
  using Response = kvrpcpb::RawBatchGetResponse;
  static constexpr auto kMethod = &StoreConnection::RawBatchGet;
  using Result = RawClient::Pairs;
  using Item = std::string;

  static const std::string& Key(const Item& item) { return item; }
  static size_t Bytes(const Item& item) { return item.size(); }
  static void Add(const Item& item, Request& request) { request.add_keys(item); }
  static void Clear(Request& request) { request.clear_keys(); }
  static absl::Status Merge(const KeyCodec& codec, Response& response, Result& result) {
    for (kvrpcpb::KvPair& pair : *response.mutable_pairs()) {
      ASSIGN_OR_RETURN(const std::string_view key, codec.ToUserKey(pair.key()));
      result.push_back({std::string(key), std::move(*pair.mutable_value())});
    }
    return absl::OkStatus();
  }
};

struct BatchPutSpec {
  using Request = kvrpcpb::RawBatchPutRequest;
  using Response = kvrpcpb::RawBatchPutResponse;
  static constexpr auto kMethod = &StoreConnection::RawBatchPut;
  using Result = NoResult;
  struct Item {
    std::string key;
    std::string value;
    uint64_t ttl_seconds = 0;
  };

  static const std::string& Key(const Item& item) { return item.key; }
  static size_t Bytes(const Item& item) { return item.key.size() + item.value.size(); }
  static void Add(const Item& item, Request& request) {
    kvrpcpb::KvPair* pair = request.add_pairs();
    pair->set_key(item.key);
    pair->set_value(item.value);
    // Servers read `ttls`; older ones `ttl`, which is the same for all pairs here.
    request.add_ttls(item.ttl_seconds);
    request.set_ttl(item.ttl_seconds);
  }
  static void Clear(Request& request) {
    request.clear_pairs();
    request.clear_ttls();
  }
  static absl::Status Merge(const KeyCodec&, Response&, Result&) { return absl::OkStatus(); }
};

struct BatchDeleteSpec {
  using Request = kvrpcpb::RawBatchDeleteRequest;
  using Response = kvrpcpb::RawBatchDeleteResponse;
  static constexpr auto kMethod = &StoreConnection::RawBatchDelete;
  using Result = NoResult;
  using Item = std::string;

  static const std::string& Key(const Item& item) { return item; }
  static size_t Bytes(const Item& item) { return item.size(); }
  static void Add(const Item& item, Request& request) { request.add_keys(item); }
  static void Clear(Request& request) { request.clear_keys(); }
  static absl::Status Merge(const KeyCodec&, Response&, Result&) { return absl::OkStatus(); }
};

struct DeleteRangeSpec {
  using Request = kvrpcpb::RawDeleteRangeRequest;
  using Response = kvrpcpb::RawDeleteRangeResponse;
  static constexpr auto kMethod = &StoreConnection::RawDeleteRange;
  static constexpr Effect kEffect = Effect::kOnceWrite;
  using Result = NoResult;

  static void Fill(const KeyRange& range, Request& request) {
    request.set_start_key(range.start);
    request.set_end_key(range.end);
  }
  static void Merge(const Response&, Result&) {}
};

struct ChecksumSpec {
  using Request = kvrpcpb::RawChecksumRequest;
  using Response = kvrpcpb::RawChecksumResponse;
  static constexpr auto kMethod = &StoreConnection::RawChecksum;
  static constexpr Effect kEffect = Effect::kRead;
  using Result = Checksum;

  static void Fill(const KeyRange& range, Request& request) {
    request.set_algorithm(kvrpcpb::Crc64_Xor);
    request.clear_ranges();
    kvrpcpb::KeyRange* one = request.add_ranges();
    one->set_start_key(range.start);
    one->set_end_key(range.end);
  }
  static void Merge(const Response& response, Result& result) {
    result.crc64_xor ^= response.checksum();
    result.keys += response.total_kvs();
    result.bytes += response.total_bytes();
  }
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_BATCH_SPEC_H_
