#include "client/cli/json.h"

#include <gtest/gtest.h>

namespace flotilla::cli {
namespace {

TEST(JsonTest, KeepsOrderAndKinds) {
  Json json = Json::MakeObject();
  json.Set("z", 1).Set("a", "text").Set("big", uint64_t{18446744073709551615u});
  json.Set("yes", true).Set("none", Json()).Set("half", 0.5);
  Json list = Json::MakeArray();
  list.Append(1).Append(Json::MakeObject());
  json.Set("list", std::move(list));
  EXPECT_EQ(json.Dump(),
            R"({"z":1,"a":"text","big":18446744073709551615,"yes":true,"none":null,"half":0.5,)"
            R"("list":[1,{}]})");
}

TEST(JsonTest, EscapesWhatMustBe) {
  EXPECT_EQ(QuoteJson("a\"b\\c\n\t\x01 \x7f"), R"("a\"b\\c\n\t\u0001 \u007f")");
  EXPECT_EQ(QuoteJson("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
}

TEST(JsonTest, ParsesWhatItWrites) {
  const std::string text = R"({"a":[1,-2,3.5,true,false,null,"x"],"b":{"c":"\u00fc\ud83d\ude00"}})";
  const auto json = Json::Parse(text);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->Find("b")->Find("c")->string(), "\xc3\xbc\xf0\x9f\x98\x80");
  EXPECT_EQ(Json::Parse(json->Dump())->Dump(), json->Dump());
  EXPECT_EQ(Json::Parse(json->DumpPretty())->Dump(), json->Dump());
  EXPECT_EQ(json->Find("a")->array()[1].integer(), -2);
  EXPECT_EQ(json->Find("a")->array()[2].number(), 3.5);
}

TEST(JsonTest, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,", "{\"a\"}", "{\"a\":1,}", "tru", "1 2", "\"x", "\"\\q\"",
                           "\"\\ud800\"", "{a:1}", "-", "\"\n\""}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Json::Parse(text).status())) << text;
  }
  EXPECT_FALSE(Json::Parse(std::string(1000, '[')).ok()) << "nesting has a limit";
}

TEST(JsonTest, AccessorsOfOtherKindsAreEmpty) {
  const Json number(3);
  EXPECT_EQ(number.string(), "");
  EXPECT_EQ(number.Find("x"), nullptr);
  EXPECT_TRUE(number.array().empty());
  EXPECT_EQ(Json("x").integer(), 0);
}

}  // namespace
}  // namespace flotilla::cli
