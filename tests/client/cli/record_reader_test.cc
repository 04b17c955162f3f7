#include "client/cli/record_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace flotilla::cli {
namespace {

using client::KeyValue;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using std::string_literals::operator""s;

struct ReadAll {
  std::vector<KeyValue> pairs;
  absl::Status status;
};

ReadAll Read(RecordFormat format, const std::string& text, const std::string& field = "Package",
             ByteForm form = ByteForm::kEscaped) {
  std::istringstream in(text);
  const auto reader = OpenRecords(format, field, form, in);
  ReadAll all;
  while (true) {
    auto next = reader->Next();
    if (!next.ok()) {
      all.status = next.status();
      return all;
    }
    if (!next->has_value()) break;
    all.pairs.push_back(**std::move(next));
  }
  EXPECT_EQ(reader->bytes_read(), text.size());
  return all;
}

TEST(RecordReaderTest, ReadsTsv) {
  const ReadAll all = Read(RecordFormat::kTsv, "a\t1\nb\\tc\t2\\n\n\nempty\t\r\nlast\tx\ty");
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_THAT(all.pairs, ElementsAre(KeyValue{"a", "1"}, KeyValue{"b\tc", "2\n"},
                                     KeyValue{"empty", ""}, KeyValue{"last", "x\ty"}));
}

TEST(RecordReaderTest, NamesTheWrongLine) {
  const ReadAll all = Read(RecordFormat::kTsv, "a\t1\nno tab here\n");
  EXPECT_EQ(all.pairs.size(), 1u);
  EXPECT_THAT(all.status.ToString(), HasSubstr("line 2: there is no tab"));
  EXPECT_THAT(Read(RecordFormat::kJsonl, "{}\n").status.ToString(), HasSubstr("line 1"));
  EXPECT_THAT(Read(RecordFormat::kJsonl, "[]\n").status.ToString(), HasSubstr("not a JSON object"));
}

TEST(RecordReaderTest, ReadsJsonl) {
  const ReadAll all = Read(RecordFormat::kJsonl,
                           "{\"key\":\"k\",\"value\":\"v\\n\",\"other\":1}\n"
                           "{\"value_hex\":\"ff00\",\"key_hex\":\"01\"}\n");
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_THAT(all.pairs, ElementsAre(KeyValue{"k", "v\n"}, KeyValue{"\x01", "\xff\0"s}));
}

TEST(RecordReaderTest, ReadsStanzas) {
  const std::string text =
      "\nPackage: 0ad\nVersion: 1\nDescription: a game\n of war\n\n\n"
      "Version: 2\nPackage:  bash \nPackage-Type: deb\n";
  const ReadAll all = Read(RecordFormat::kDeb822, text);
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_THAT(
      all.pairs,
      ElementsAre(KeyValue{"0ad", "Package: 0ad\nVersion: 1\nDescription: a game\n of war\n"},
                  KeyValue{"bash", "Version: 2\nPackage:  bash \nPackage-Type: deb\n"}));
  EXPECT_EQ(Read(RecordFormat::kDeb822, text, "Version").pairs[1].key, "2");
  EXPECT_THAT(Read(RecordFormat::kDeb822, text, "Source").status.ToString(),
              HasSubstr("no field \"Source:\""));
}

TEST(RecordReaderTest, WritesWhatItReads) {
  const std::vector<KeyValue> pairs = {{"a\tb", "\n\\"}, {"\xff", std::string(3, '\0')}, {"k", ""}};
  for (const RecordFormat format : {RecordFormat::kTsv, RecordFormat::kJsonl}) {
    for (const ByteForm form : {ByteForm::kEscaped, ByteForm::kHex}) {
      std::string text;
      for (const KeyValue& pair : pairs) text += FormatRecord(format, pair, form);
      EXPECT_EQ(Read(format, text, "", form).pairs, pairs);
    }
  }
}

}  // namespace
}  // namespace flotilla::cli
