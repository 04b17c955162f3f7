#include "client/cli/byte_text.h"

#include <gtest/gtest.h>

#include "common/env/random.h"

namespace flotilla::cli {
namespace {

using std::string_literals::operator""s;

TEST(ByteTextTest, WritesWhatPeopleCanRead) {
  EXPECT_EQ(ToText("plain gr\xc3\xbc\xc3\x9f"), "plain gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(ToText("a\\b\n\r\t\0\x01\x7f"s), R"(a\\b\n\r\t\0\x01\x7f)");
  EXPECT_EQ(ToText("\xff\xc3"), R"(\xff\xc3)") << "not UTF-8";
  EXPECT_EQ(ToText("\xed\xa0\x80"), R"(\xed\xa0\x80)") << "a surrogate is not UTF-8";
  EXPECT_EQ(ToText("\x01\xab", ByteForm::kHex), "01ab");
}

TEST(ByteTextTest, ReadsWhatItWrites) {
  env::Random random(7);
  for (int i = 0; i < 500; ++i) {
    std::string bytes(random.Uniform(20), '\0');
    for (char& c : bytes) c = static_cast<char>(random.Next());
    for (const ByteForm form : {ByteForm::kEscaped, ByteForm::kHex}) {
      const std::string text = ToText(bytes, form);
      EXPECT_EQ(*FromText(text, form), bytes);
      EXPECT_TRUE(IsUtf8(text));
    }
    Json json = Json::MakeObject();
    AddBytes(json, "key", bytes);
    EXPECT_EQ(*TakeBytes(*Json::Parse(json.Dump()), "key"), bytes);
  }
}

TEST(ByteTextTest, RefusesWhatIsNotOfTheForm) {
  for (const char* text : {"\\", "\\q", "\\x", "\\x1", "\\xg0", "a\\"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(FromText(text).status())) << text;
  }
  EXPECT_FALSE(FromText("abc", ByteForm::kHex).ok());
  EXPECT_FALSE(FromText("zz", ByteForm::kHex).ok());
}

TEST(ByteTextTest, InJsonTheNameSaysTheForm) {
  Json json = Json::MakeObject();
  AddBytes(json, "a", "text");
  AddBytes(json, "b", "\xff");
  AddBytes(json, "c", "text", ByteForm::kHex);
  EXPECT_EQ(json.Dump(), R"({"a":"text","b_hex":"ff","c_hex":"74657874"})");
  EXPECT_TRUE(absl::IsNotFound(TakeBytes(json, "z").status()));
}

}  // namespace
}  // namespace flotilla::cli
