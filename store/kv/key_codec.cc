#include "store/kv/key_codec.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/coding.h"
#include "tikv/kvrpcpb.pb.h"

namespace flotilla::store {
namespace {

constexpr char kRawMode = 'r';
constexpr size_t kPrefixBytes = 4;  // The mode and a keyspace id of three bytes.
constexpr size_t kGroupBytes = 8;   // Of the memcomparable form.
constexpr uint32_t kNoKeyspace = 0xFFFFFFFF;

std::string Hex(std::string_view key) {
  constexpr size_t kShown = 64;
  return absl::StrCat(absl::BytesToHexString(ToAbsl(key.substr(0, kShown))),
                      key.size() > kShown ? "..." : "");
}

uint32_t KeyspaceOf(std::string_view key) {
  return static_cast<uint32_t>(static_cast<uint8_t>(key[1])) << 16 |
         static_cast<uint32_t>(static_cast<uint8_t>(key[2])) << 8 |
         static_cast<uint32_t>(static_cast<uint8_t>(key[3]));
}

absl::Status CheckLength(std::string_view key) {
  if (key.size() <= kMaxKeyBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("KeyTooLarge: the key has ", key.size(), " bytes, the limit is ", kMaxKeyBytes));
}

absl::Status CheckKeyspace(const kvrpcpb::Context& context, std::string_view key) {
  if (key.size() < kPrefixBytes || key[0] != kRawMode) {
    return absl::InvalidArgumentError(
        absl::StrCat("InvalidKeyMode: under API V2 a raw key begins with 'r' and three bytes of "
                     "keyspace id; this one begins with 0x",
                     Hex(key.substr(0, kPrefixBytes))));
  }
  if (context.keyspace_case() != kvrpcpb::Context::kKeyspaceId ||
      context.keyspace_id() == kNoKeyspace || context.keyspace_id() == KeyspaceOf(key)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("KeyspaceMismatch: the key belongs to keyspace ",
                                                 KeyspaceOf(key), ", the request to keyspace ",
                                                 context.keyspace_id()));
}

// The first key after the keyspace of `key`.
std::string KeyspaceEnd(std::string_view key) {
  std::string end(key.substr(0, kPrefixBytes));
  for (size_t i = kPrefixBytes; i-- > 0;) {
    end[i] = static_cast<char>(static_cast<uint8_t>(end[i]) + 1);
    if (end[i] != 0) break;
  }
  return end;
}

}  // namespace

void KeyCodec::Encode(std::string_view key, std::string& out) const {
  if (version_ == ApiVersion::kV1) {
    out.append(key);
  } else {
    PutMemcomparable(out, key);
  }
}

std::string KeyCodec::Encode(std::string_view key) const {
  std::string out;
  out.reserve(EncodedSize(key));
  Encode(key, out);
  return out;
}

size_t KeyCodec::EncodedSize(std::string_view key) const {
  if (version_ == ApiVersion::kV1) return key.size();
  return (key.size() / kGroupBytes + 1) * (kGroupBytes + 1);
}

absl::Status KeyCodec::Decode(std::string_view engine_key, std::string& key) const {
  if (version_ == ApiVersion::kV1) {
    key.assign(engine_key);
    return absl::OkStatus();
  }
  key.clear();
  std::string_view rest = engine_key;
  if (!GetMemcomparable(rest, key) || !rest.empty()) {
    return absl::DataLossError(
        absl::StrCat("the engine holds a key that is not memcomparable: 0x", Hex(engine_key)));
  }
  return absl::OkStatus();
}

KeyRange KeyCodec::EncodeRange(std::string_view start, std::string_view end) const {
  KeyRange range;
  if (!start.empty()) range.start = Encode(start);
  if (!end.empty()) range.end = Encode(end);
  return range;
}

absl::Status KeyCodec::CheckContext(const kvrpcpb::Context& context) const {
  const auto wanted = version_ == ApiVersion::kV1 ? kvrpcpb::V1 : kvrpcpb::V2;
  if (context.api_version() == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("ApiVersionNotMatched: the request's API version is ",
                   kvrpcpb::APIVersion_Name(context.api_version()),
                   ", the cluster's storage.api-version is ", kvrpcpb::APIVersion_Name(wanted)));
}

absl::Status KeyCodec::CheckRawKey(const kvrpcpb::Context& context, std::string_view key) const {
  const size_t prefix = version_ == ApiVersion::kV1 ? 0 : kPrefixBytes;
  if (key.size() <= prefix) [[unlikely]] {
    if (prefix != 0 && !key.empty()) {
      if (auto status = CheckKeyspace(context, key); !status.ok()) return status;
    }
    return absl::InvalidArgumentError("KeyIsEmpty: a key has at least one byte");
  }
  if (key.size() > kMaxKeyBytes) [[unlikely]]
    return CheckLength(key);
  return prefix == 0 ? absl::OkStatus() : CheckKeyspace(context, key);
}

absl::Status KeyCodec::CheckRawRange(const kvrpcpb::Context& context, std::string_view start,
                                     std::string_view end) const {
  if (!end.empty() && end < start) {
    return absl::InvalidArgumentError(absl::StrCat("InvalidRange: the end 0x", Hex(end),
                                                   " lies before the start 0x", Hex(start)));
  }
  if (auto status = CheckLength(start); !status.ok()) return status;
  if (auto status = CheckLength(end); !status.ok()) return status;
  if (version_ == ApiVersion::kV1) return absl::OkStatus();
  if (auto status = CheckKeyspace(context, start); !status.ok()) return status;
  if (end.empty() || end > KeyspaceEnd(start)) {
    return absl::InvalidArgumentError(
        absl::StrCat("InvalidRange: under API V2 a range lies in one keyspace; the end 0x",
                     Hex(end), " is beyond keyspace ", KeyspaceOf(start)));
  }
  return absl::OkStatus();
}

absl::Status KeyCodec::CheckBoundary(std::string_view engine_key) const {
  if (engine_key.empty()) return absl::InvalidArgumentError("a region boundary is not empty");
  std::string key;
  if (Decode(engine_key, key).ok()) return CheckLength(key);
  return absl::InvalidArgumentError(
      absl::StrCat("under API V2 a region boundary is memcomparable, not 0x", Hex(engine_key)));
}

}  // namespace flotilla::store
