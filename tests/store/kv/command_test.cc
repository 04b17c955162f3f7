#include "store/kv/command.h"

#include <gtest/gtest.h>

#include "store/kv/value_format.h"

namespace flotilla::store {
namespace {

TEST(CommandTest, WritesComeBackInOrder) {
  const KeyCodec codec(ApiVersion::kV1);
  WriteCommand builder(7, 0);
  EXPECT_EQ(builder.Put(codec, "key", "value", kNeverExpires), "key");
  EXPECT_EQ(builder.Put(codec, "gone", "soon", 99), "gone");
  EXPECT_EQ(builder.Delete(codec, "old"), "old");
  builder.DeleteRange({"a", ""});
  const std::string command = std::move(builder).Take();

  std::string_view rest = command;
  const auto header = TakeCommandHeader(rest);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->kind, CommandKind::kWrite);
  EXPECT_EQ(header->version, 7u);
  auto operation = TakeWriteOperation(rest);
  EXPECT_EQ(operation->kind, WriteKind::kPut);
  EXPECT_EQ(operation->cf, engine::ColumnFamily::kDefault);
  EXPECT_EQ(operation->key, "key");
  EXPECT_EQ(ParseStoredValue(operation->value)->value, "value");
  operation = TakeWriteOperation(rest);
  EXPECT_EQ(ParseStoredValue(operation->value)->expire_at_ms, 99u);
  operation = TakeWriteOperation(rest);
  EXPECT_EQ(operation->kind, WriteKind::kDelete);
  EXPECT_EQ(operation->key, "old");
  operation = TakeWriteOperation(rest);
  EXPECT_EQ(operation->kind, WriteKind::kDeleteRange);
  EXPECT_EQ(operation->key, "a");
  EXPECT_EQ(operation->value, "");
  EXPECT_TRUE(rest.empty());
}

TEST(CommandTest, V2KeysAreEncodedInTheCommand) {
  const KeyCodec codec(ApiVersion::kV2);
  WriteCommand builder(1, 0);
  const std::string encoded(builder.Put(codec, "rabc-key", "v", kNeverExpires));
  EXPECT_EQ(encoded, codec.Encode("rabc-key"));
}

TEST(CommandTest, EveryTruncationIsNoticed) {
  const KeyCodec codec(ApiVersion::kV1);
  WriteCommand builder(300, 0);
  builder.Put(codec, "key", "value", kNeverExpires);
  const std::string command = std::move(builder).Take();
  for (size_t size = 0; size < command.size(); ++size) {
    std::string_view cut = std::string_view(command).substr(0, size);
    const auto header = TakeCommandHeader(cut);
    if (!header.ok()) continue;
    if (cut.empty()) continue;  // A write without operations is one.
    EXPECT_TRUE(absl::IsDataLoss(TakeWriteOperation(cut).status())) << size;
  }
  std::string_view unknown = "\x09\x01";
  EXPECT_TRUE(absl::IsDataLoss(TakeCommandHeader(unknown).status()));
}

// The engine takes no such range: what decodes can be applied.
TEST(CommandTest, ADeletionOfAnEmptyRangeIsMalformed) {
  for (const char end : {'m', 'c'}) {
    WriteCommand command(3, 0);
    command.DeleteRange({"m", "z"});
    std::string bytes = std::move(command).Take();
    bytes.back() = end;
    std::string_view rest = bytes;
    ASSERT_TRUE(TakeCommandHeader(rest).ok());
    EXPECT_TRUE(absl::IsDataLoss(TakeWriteOperation(rest).status()));
  }
}

TEST(CommandTest, CompareAndSwapComesBack) {
  const CompareAndSwap sent{.key = "k",
                            .expected = "old",
                            .expect_absent = false,
                            .remove = true,
                            .replacement = "",
                            .now_ms = 12345};
  const std::string encoded = EncodeCompareAndSwap(3, sent);
  std::string_view rest = encoded;
  ASSERT_EQ(TakeCommandHeader(rest)->kind, CommandKind::kCompareAndSwap);
  const auto got = DecodeCompareAndSwap(rest);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->key, "k");
  EXPECT_EQ(got->expected, "old");
  EXPECT_TRUE(got->remove);
  EXPECT_FALSE(got->expect_absent);
  EXPECT_EQ(got->now_ms, 12345u);
  EXPECT_TRUE(absl::IsDataLoss(DecodeCompareAndSwap(rest.substr(0, rest.size() - 1)).status()));

  const std::string payload = EncodeOutcome({.swapped = true, .existed = true, .previous = "p"});
  const auto outcome = DecodeOutcome(payload);
  EXPECT_TRUE(outcome->swapped);
  EXPECT_TRUE(outcome->existed);
  EXPECT_EQ(outcome->previous, "p");
}

}  // namespace
}  // namespace flotilla::store
