// What the command line tool reads: JSON, escaped and hexadecimal bytes, shell lines, and the
// records of `kv load` in each format.
#include <cmath>
#include <sstream>

#include "client/cli/byte_text.h"
#include "client/cli/json.h"
#include "client/cli/line_words.h"
#include "client/cli/record_reader.h"
#include "common/base/check.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"

namespace flotilla::fuzz {
namespace {

void ReadJson(std::string_view text) {
  const auto json = cli::Json::Parse(text);
  if (!json.ok()) return;
  const std::string dumped = json->Dump();
  const auto again = cli::Json::Parse(dumped);
  CHECK_OK(again.status()) << dumped;
  CHECK(again->Dump() == dumped) << dumped;
  CHECK_OK(cli::Json::Parse(json->DumpPretty()).status());
  cli::TakeBytes(*json, "key").status().IgnoreError();
}

void ReadBytes(std::string_view text) {
  for (const auto form : {cli::ByteForm::kEscaped, cli::ByteForm::kHex}) {
    cli::FromText(text, form).status().IgnoreError();
    const auto back = cli::FromText(cli::ToText(text, form), form);
    CHECK_OK(back.status());
    CHECK(*back == text);
    cli::Json object = cli::Json::MakeObject();
    cli::AddBytes(object, "name", text, form);
    const auto json = cli::Json::Parse(object.Dump());
    CHECK_OK(json.status());
    const auto taken = cli::TakeBytes(*json, "name");
    CHECK_OK(taken.status());
    CHECK(*taken == text);
  }
  cli::SplitWords(text).status().IgnoreError();
}

void ReadRecords(cli::RecordFormat format, cli::ByteForm form, std::string_view text) {
  std::istringstream in{std::string(text)};
  const auto reader = cli::OpenRecords(format, "Package", form, in);
  std::string written;
  size_t count = 0;
  while (true) {
    const auto record = reader->Next();
    if (!record.ok()) return;
    if (!record->has_value()) break;
    ++count;
    if (format != cli::RecordFormat::kDeb822) written += cli::FormatRecord(format, **record, form);
  }
  CHECK_LE(reader->bytes_read(), text.size());
  if (format == cli::RecordFormat::kDeb822) return;
  // What is written is read again.
  std::istringstream again{written};
  const auto second = cli::OpenRecords(format, "Package", form, again);
  for (; count > 0; --count) {
    const auto record = second->Next();
    CHECK_OK(record.status()) << written;
    CHECK(record->has_value()) << written;
  }
}

class CliTextTarget final : public FuzzTarget {
 public:
  void Run(std::string_view input) override {
    FuzzInput in(input);
    const uint64_t what = in.Below(5);
    if (what == 0) return ReadJson(in.Rest());
    if (what == 1) return ReadBytes(in.Rest());
    const auto form = in.Bool() ? cli::ByteForm::kHex : cli::ByteForm::kEscaped;
    const cli::RecordFormat formats[] = {cli::RecordFormat::kTsv, cli::RecordFormat::kJsonl,
                                         cli::RecordFormat::kDeb822};
    ReadRecords(formats[what - 2], form, in.Rest());
  }
  std::vector<std::string> Seeds() const override {
    const std::string zero(1, '\0');
    return {zero + R"({"a": [1, -2, 3.5e10, true, null], "b": {"c": "\u00e9\ud83d\ude00\n"}})",
            zero + "18446744073709551615",
            "\1\\x00\\n'two words' \"three\"",
            "\1" + std::string("\0\xff\xc3\xa9", 4),
            "\2" + zero + "key\\t\tvalue\nsecond\t\n",
            "\2\1"
            "6b\t76\n",
            "\3" + zero + "{\"key\":\"k\",\"value_hex\":\"00ff\"}\n",
            "\4" + zero + "Package: a\nVersion: 1\n more\n\nPackage: b\n"};
  }
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeCliTextTarget() { return std::make_unique<CliTextTarget>(); }

}  // namespace flotilla::fuzz
