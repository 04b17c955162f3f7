#include "store/kv/value_format.h"

#include <gtest/gtest.h>

namespace flotilla::store {
namespace {

TEST(ValueFormatTest, ValuesWithAndWithoutExpiryComeBack) {
  for (const std::string& value : {std::string(), std::string("v"), std::string(1000, '\0')}) {
    for (const uint64_t expiry : {kNeverExpires, uint64_t{1'700'000'000'123}}) {
      std::string stored = "before";
      AppendStoredValue(value, expiry, stored);
      stored.erase(0, 6);
      EXPECT_EQ(stored.size(), StoredValueSize(value, expiry));
      const auto parsed = ParseStoredValue(stored);
      ASSERT_TRUE(parsed.ok()) << parsed.status();
      EXPECT_EQ(parsed->value, value);
      EXPECT_EQ(parsed->expire_at_ms, expiry);
    }
  }
}

TEST(ValueFormatTest, ExpiryIsInclusiveAndTtlRoundsUp) {
  StoredValue value{.value = "v", .expire_at_ms = 10'000};
  EXPECT_FALSE(value.ExpiredAt(9'999));
  EXPECT_TRUE(value.ExpiredAt(10'000));
  EXPECT_EQ(value.TtlSeconds(9'999), 1u);
  EXPECT_EQ(value.TtlSeconds(9'000), 1u);
  EXPECT_EQ(value.TtlSeconds(8'999), 2u);
  value.expire_at_ms = kNeverExpires;
  EXPECT_FALSE(value.ExpiredAt(INT64_MAX));
  EXPECT_EQ(value.TtlSeconds(0), 0u);
}

TEST(ValueFormatTest, MalformedValuesAreDataLoss) {
  EXPECT_TRUE(absl::IsDataLoss(ParseStoredValue("").status()));
  EXPECT_TRUE(absl::IsDataLoss(ParseStoredValue("v\x02").status()));
  EXPECT_TRUE(absl::IsDataLoss(ParseStoredValue("short\x01").status()));
}

TEST(ValueFormatTest, TtlBecomesAnAbsoluteExpiry) {
  EXPECT_EQ(*ExpiryOf(0, 123), kNeverExpires);
  EXPECT_EQ(*ExpiryOf(5, 1'000), 6'000u);
  EXPECT_EQ(ExpiryOf(UINT64_MAX, 1'000).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ExpiryOf(UINT64_MAX / 1000, 1'000).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace flotilla::store
