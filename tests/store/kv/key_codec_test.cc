#include "store/kv/key_codec.h"

#include <gtest/gtest.h>

#include <string>

#include "tikv/kvrpcpb.pb.h"

namespace flotilla::store {
namespace {

using namespace std::string_literals;  // NOLINT: keys with zero bytes.

const std::string kPrefix = "r\0\0\1"s;

kvrpcpb::Context V2Context() {
  kvrpcpb::Context context;
  context.set_api_version(kvrpcpb::V2);
  return context;
}

TEST(KeyCodecTest, V2EncodesMemcomparablyAndKeepsOrder) {
  const KeyCodec codec(ApiVersion::kV2);
  const std::string keys[] = {kPrefix,
                              kPrefix + "a",
                              kPrefix + "a\0"s,
                              kPrefix + "abcd",
                              kPrefix + "abcde",
                              kPrefix + "b",
                              kPrefix + std::string(100, '\xff')};
  std::string previous;
  for (const std::string& key : keys) {
    const std::string encoded = codec.Encode(key);
    EXPECT_EQ(encoded.size(), codec.EncodedSize(key));
    EXPECT_LT(previous, encoded);
    std::string decoded;
    ASSERT_TRUE(codec.Decode(encoded, decoded).ok());
    EXPECT_EQ(decoded, key);
    previous = encoded;
  }
  std::string decoded;
  EXPECT_TRUE(absl::IsDataLoss(codec.Decode("plain", decoded)));
}

TEST(KeyCodecTest, V1TakesKeysAsTheyAre) {
  const KeyCodec codec(ApiVersion::kV1);
  EXPECT_EQ(codec.Encode("key"), "key");
  std::string decoded;
  ASSERT_TRUE(codec.Decode("key", decoded).ok());
  EXPECT_EQ(decoded, "key");
  EXPECT_EQ(codec.EncodeRange("a", ""), (KeyRange{"a", ""}));
}

TEST(KeyCodecTest, ApiVersionMustMatch) {
  EXPECT_TRUE(KeyCodec(ApiVersion::kV2).CheckContext(V2Context()).ok());
  EXPECT_FALSE(KeyCodec(ApiVersion::kV1).CheckContext(V2Context()).ok());
  EXPECT_TRUE(KeyCodec(ApiVersion::kV1).CheckContext(kvrpcpb::Context()).ok());
  const absl::Status status = KeyCodec(ApiVersion::kV2).CheckContext(kvrpcpb::Context());
  EXPECT_NE(status.message().find("ApiVersionNotMatched"), absl::string_view::npos);
}

TEST(KeyCodecTest, LengthLimitIsExact) {
  const KeyCodec codec(ApiVersion::kV2);
  const std::string at_limit = kPrefix + std::string(kMaxKeyBytes - kPrefix.size(), 'k');
  EXPECT_TRUE(codec.CheckRawKey(V2Context(), at_limit.substr(1, 0) + at_limit).ok());
  EXPECT_TRUE(codec.CheckRawKey(V2Context(), at_limit.substr(0, kMaxKeyBytes - 1)).ok());
  const absl::Status status = codec.CheckRawKey(V2Context(), at_limit + "k");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("KeyTooLarge"), absl::string_view::npos) << status;
  EXPECT_NE(status.message().find("8192"), absl::string_view::npos) << status;
}

TEST(KeyCodecTest, EmptyKeysAreRefused) {
  EXPECT_FALSE(KeyCodec(ApiVersion::kV1).CheckRawKey({}, "").ok());
  EXPECT_TRUE(KeyCodec(ApiVersion::kV1).CheckRawKey({}, "\0"s).ok());
  const KeyCodec v2(ApiVersion::kV2);
  EXPECT_FALSE(v2.CheckRawKey(V2Context(), "").ok());
  EXPECT_NE(v2.CheckRawKey(V2Context(), kPrefix).message().find("KeyIsEmpty"),
            absl::string_view::npos);
}

TEST(KeyCodecTest, KeyspaceAndModeAreChecked) {
  const KeyCodec codec(ApiVersion::kV2);
  kvrpcpb::Context context = V2Context();
  EXPECT_FALSE(codec.CheckRawKey(context, "x\0\0\1k"s).ok());
  EXPECT_FALSE(codec.CheckRawKey(context, "plain key").ok());
  context.set_keyspace_id(1);
  EXPECT_TRUE(codec.CheckRawKey(context, kPrefix + "k").ok());
  context.set_keyspace_id(2);
  EXPECT_NE(codec.CheckRawKey(context, kPrefix + "k").message().find("KeyspaceMismatch"),
            absl::string_view::npos);
  context.set_keyspace_id(0xFFFFFFFF);
  EXPECT_TRUE(codec.CheckRawKey(context, kPrefix + "k").ok());
}

TEST(KeyCodecTest, RangesStayInTheirKeyspace) {
  const KeyCodec codec(ApiVersion::kV2);
  const kvrpcpb::Context context = V2Context();
  EXPECT_TRUE(codec.CheckRawRange(context, kPrefix, "r\0\0\2"s).ok());
  EXPECT_TRUE(codec.CheckRawRange(context, kPrefix + "a", kPrefix + "b").ok());
  EXPECT_TRUE(codec.CheckRawRange(context, kPrefix + "a", kPrefix + "a").ok());
  EXPECT_TRUE(codec.CheckRawRange(context, "r\xff\xff\xff"s, "s\0\0\0"s).ok());
  EXPECT_FALSE(codec.CheckRawRange(context, kPrefix + "b", kPrefix + "a").ok());
  EXPECT_FALSE(codec.CheckRawRange(context, kPrefix, "").ok());
  EXPECT_FALSE(codec.CheckRawRange(context, kPrefix, "r\0\0\3"s).ok());
  EXPECT_FALSE(codec.CheckRawRange(context, "", "").ok());
  const KeyCodec v1(ApiVersion::kV1);
  EXPECT_TRUE(v1.CheckRawRange({}, "", "").ok());
  EXPECT_NE(v1.CheckRawRange({}, "b", "a").message().find("InvalidRange"), absl::string_view::npos);
}

TEST(KeyCodecTest, BoundariesMustDecode) {
  const KeyCodec codec(ApiVersion::kV2);
  EXPECT_TRUE(codec.CheckBoundary(codec.Encode(kPrefix + "m")).ok());
  EXPECT_FALSE(codec.CheckBoundary(kPrefix + "m").ok());
  EXPECT_FALSE(codec.CheckBoundary("").ok());
  EXPECT_TRUE(KeyCodec(ApiVersion::kV1).CheckBoundary("m").ok());
}

}  // namespace
}  // namespace flotilla::store
