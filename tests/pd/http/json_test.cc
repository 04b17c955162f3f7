#include "pd/http/json.h"

#include <gtest/gtest.h>

namespace flotilla::pd {
namespace {

TEST(JsonWriterTest, SeparatesAndQuotes) {
  JsonWriter json;
  json.BeginObject().Key("a").Number(1).Key("b").BeginArray().String("x\"\\\n").Bool(true);
  json.BeginObject().EndObject().EndArray().Key("c").Signed(-2).EndObject();
  EXPECT_EQ(json.text(), R"({"a":1,"b":["x\"\\\u000a",true,{}],"c":-2})");
}

}  // namespace
}  // namespace flotilla::pd
