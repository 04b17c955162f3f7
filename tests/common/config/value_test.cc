#include "common/config/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flotilla::config {
namespace {

using std::chrono::nanoseconds;
using testing::HasSubstr;

TEST(ValueTest, DurationsAreReadWithTheirUnits) {
  const std::vector<std::pair<std::string, int64_t>> cases = {{"0", 0},
                                                              {"1ns", 1},
                                                              {"250us", 250'000},
                                                              {"100ms", 100'000'000},
                                                              {"1.5s", 1'500'000'000},
                                                              {"1h30m", 5'400'000'000'000},
                                                              {"2d", 172'800'000'000'000}};
  for (const auto& [text, nanos] : cases) {
    const auto parsed = ParseDuration(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.status();
    EXPECT_EQ(parsed->count(), nanos) << text;
  }
}

TEST(ValueTest, MalformedDurationsAreRefused) {
  for (const std::string text : {"", "10", "ms", "-1s", "1 s", "1.2.3s", "1w", "s1", "1e9s",
                                 "99999999999999999999ns", "300000d5000000d"}) {
    const auto parsed = ParseDuration(text);
    ASSERT_FALSE(parsed.ok()) << text << " gave " << parsed->count();
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("\"" + text + "\""));
  }
}

TEST(ValueTest, FormattedDurationsReadBackAsTheSame) {
  EXPECT_EQ(FormatDuration(nanoseconds(90'000'000'000)), "1m30s");
  EXPECT_EQ(FormatDuration(nanoseconds(100'000'000)), "100ms");
  EXPECT_EQ(FormatDuration(nanoseconds(0)), "0s");
  for (int64_t nanos : {1L, 999L, 1'000'001L, 86'400'000'000'001L, 123'456'789'012'345L}) {
    EXPECT_EQ(ParseDuration(FormatDuration(nanoseconds(nanos)))->count(), nanos);
  }
}

TEST(ValueTest, SizesAreReadWithTheirUnits) {
  const std::vector<std::pair<std::string, int64_t>> cases = {
      {"0", 0},           {"512", 512},          {"512B", 512},     {"64KiB", 64 << 10},
      {"64KB", 64 << 10}, {"1.5GiB", 3LL << 29}, {"2T", 2LL << 40}, {"96M", 96 << 20}};
  for (const auto& [text, bytes] : cases) {
    const auto parsed = ParseSize(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.status();
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(ValueTest, MalformedSizesAreRefused) {
  for (const std::string text : {"", "MiB", "-1", "64 MiB", "64mib", "1KiB2", "9999999999999TiB"}) {
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
}

TEST(ValueTest, FormattedSizesReadBackAsTheSame) {
  EXPECT_EQ(FormatSize(64 << 20), "64MiB");
  EXPECT_EQ(FormatSize(1000), "1000B");
  EXPECT_EQ(FormatSize(0), "0B");
  for (int64_t bytes : {1L, 1023L, 1024L, 1025L, 3L << 29, 5L << 40}) {
    EXPECT_EQ(*ParseSize(FormatSize(bytes)), bytes);
  }
}

TEST(ValueTest, FlagsAreReadByTheirKind) {
  EXPECT_EQ(std::get<bool>(*ParseValue(Kind::kBool, "true")), true);
  EXPECT_FALSE(ParseValue(Kind::kBool, "yes").ok());
  EXPECT_EQ(std::get<int64_t>(*ParseValue(Kind::kInteger, "-7")), -7);
  EXPECT_FALSE(ParseValue(Kind::kInteger, "7x").ok());
  EXPECT_FALSE(ParseValue(Kind::kInteger, "").ok());
  EXPECT_EQ(std::get<double>(*ParseValue(Kind::kReal, "0.25")), 0.25);
  EXPECT_EQ(std::get<std::vector<std::string>>(*ParseValue(Kind::kStringList, "a,b,,c")),
            (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(std::get<std::vector<std::string>>(*ParseValue(Kind::kStringList, "")).empty());
}

TEST(ValueTest, JsonQuotesWhatMustBeQuoted) {
  EXPECT_EQ(QuoteJson("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\u000a\\u0001\"");
  EXPECT_EQ(ToJson(Kind::kReal, 2.0), "2.0");
  EXPECT_EQ(ToJson(Kind::kSize, int64_t{1} << 20), "\"1MiB\"");
  EXPECT_EQ(ToJson(Kind::kStringList, std::vector<std::string>{"a", "b"}), "[\"a\", \"b\"]");
}

}  // namespace
}  // namespace flotilla::config
