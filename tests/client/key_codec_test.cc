#include "client/key_codec.h"

#include <gtest/gtest.h>

#include "common/base/coding.h"

namespace flotilla::client {
namespace {

using std::string_literals::operator""s;

TEST(KeyCodecTest, V1LeavesKeysAlone) {
  const KeyCodec codec = KeyCodec::V1();
  EXPECT_FALSE(codec.is_v2());
  EXPECT_EQ(codec.ToRequestKey("k\0x"s), "k\0x"s);
  EXPECT_EQ(codec.ToRegionKey("k"), "k");
  EXPECT_EQ(*codec.ToUserKey("k"), "k");
  EXPECT_EQ(codec.ToRequestRange({"", ""}), (KeyRange{"", ""}));
  EXPECT_EQ(*codec.ToRequestBounds({"a", "b"}), (KeyRange{"a", "b"}));
}

TEST(KeyCodecTest, V2PutsModeAndKeyspaceBeforeTheKey) {
  const KeyCodec codec = KeyCodec::V2(KeyspaceId(0x010203));
  EXPECT_EQ(codec.ToRequestKey("k"), "r\x01\x02\x03k");
  EXPECT_EQ(*codec.ToUserKey("r\x01\x02\x03k"), "k");
  EXPECT_EQ(codec.ToRequestRange({"", ""}), (KeyRange{"r\x01\x02\x03", "r\x01\x02\x04"}));
  EXPECT_EQ(codec.ToRequestRange({"a", "b"}), (KeyRange{"r\x01\x02\x03"
                                                        "a",
                                                        "r\x01\x02\x03"
                                                        "b"}));
}

TEST(KeyCodecTest, TheLastKeyspaceEndsWithTheMode) {
  const KeyCodec codec = KeyCodec::V2(KeyspaceId(0xFFFFFF));
  EXPECT_EQ(codec.ToRequestRange({"", ""}).end, "s\0\0\0"s);
}

TEST(KeyCodecTest, AForeignKeyIsDataLoss) {
  const KeyCodec codec = KeyCodec::V2(KeyspaceId(1));
  EXPECT_TRUE(absl::IsDataLoss(codec.ToUserKey("r\0\0\x02k"s).status()));
  EXPECT_TRUE(absl::IsDataLoss(codec.ToUserKey("r").status()));
}

TEST(KeyCodecTest, RegionBoundsAreMemcomparableInV2) {
  const KeyCodec codec = KeyCodec::V2(KeyspaceId(1));
  const std::string key = codec.ToRequestKey("some key");
  EXPECT_EQ(codec.ToRegionKey(key), EncodeMemcomparable(key));
  EXPECT_EQ(codec.ToRegionKey(""), "");
  const auto bounds = codec.ToRequestBounds({codec.ToRegionKey(key), ""});
  ASSERT_TRUE(bounds.ok());
  EXPECT_EQ(*bounds, (KeyRange{key, ""}));
  EXPECT_TRUE(absl::IsDataLoss(codec.ToRequestBounds({"plain", ""}).status()));
}

}  // namespace
}  // namespace flotilla::client
