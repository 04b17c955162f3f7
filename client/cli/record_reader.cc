#include "client/cli/record_reader.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

// A record that is longer is not one: no store would take it.
constexpr size_t kMaxRecordBytes = 64 << 20;

absl::StatusOr<client::KeyValue> ParseTsv(std::string_view line, ByteForm form) {
  const size_t tab = line.find('\t');
  if (tab == line.npos) return absl::InvalidArgumentError("there is no tab");
  client::KeyValue pair;
  ASSIGN_OR_RETURN(pair.key, FromText(line.substr(0, tab), form));
  ASSIGN_OR_RETURN(pair.value, FromText(line.substr(tab + 1), form));
  return pair;
}

absl::StatusOr<client::KeyValue> ParseJsonLine(std::string_view line) {
  ASSIGN_OR_RETURN(const Json json, Json::Parse(line));
  if (!json.is_object()) return absl::InvalidArgumentError("it is not a JSON object");
  client::KeyValue pair;
  ASSIGN_OR_RETURN(pair.key, TakeBytes(json, "key"));
  ASSIGN_OR_RETURN(pair.value, TakeBytes(json, "value"));
  return pair;
}

class LineCounter {
 public:
  explicit LineCounter(std::istream& in) : in_(in) {}

  // False at the end of the input.
  bool Next(std::string& line) {
    if (!std::getline(in_, line)) return false;
    ++number_;
    bytes_ += line.size() + (in_.eof() ? 0 : 1);
    return true;
  }
  uint64_t bytes() const { return bytes_; }
  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(fmt::format("line {}: {}", number_, what));
  }

 private:
  std::istream& in_;
  uint64_t number_ = 0;
  uint64_t bytes_ = 0;
};

class LineReader final : public RecordReader {
 public:
  LineReader(RecordFormat format, ByteForm form, std::istream& in)
      : format_(format), form_(form), lines_(in) {}

  absl::StatusOr<std::optional<client::KeyValue>> Next() override {
    std::string line;
    do {
      if (!lines_.Next(line)) return std::nullopt;
      if (line.ends_with('\r')) line.pop_back();
    } while (line.empty());
    absl::StatusOr<client::KeyValue> pair =
        format_ == RecordFormat::kTsv ? ParseTsv(line, form_) : ParseJsonLine(line);
    if (!pair.ok()) return lines_.Error(FromAbsl(pair.status().message()));
    return std::optional(*std::move(pair));
  }
  uint64_t bytes_read() const override { return lines_.bytes(); }

 private:
  const RecordFormat format_;
  const ByteForm form_;
  LineCounter lines_;
};

class StanzaReader final : public RecordReader {
 public:
  StanzaReader(std::string key_field, std::istream& in)
      : key_start_(std::move(key_field) + ":"), lines_(in) {}

  absl::StatusOr<std::optional<client::KeyValue>> Next() override {
    client::KeyValue pair;
    bool has_key = false;
    std::string line;
    while (lines_.Next(line)) {
      if (line.empty()) {
        if (pair.value.empty()) continue;
        break;
      }
      if (!has_key && line.starts_with(key_start_)) {
        pair.key = Trim(std::string_view(line).substr(key_start_.size()));
        has_key = true;
      }
      pair.value += line;
      pair.value += '\n';
      if (pair.value.size() > kMaxRecordBytes) {
        return lines_.Error(fmt::format("the stanza is longer than {} bytes", kMaxRecordBytes));
      }
    }
    if (pair.value.empty()) return std::nullopt;
    if (!has_key) return lines_.Error(fmt::format("the stanza has no field \"{}\"", key_start_));
    return std::optional(std::move(pair));
  }
  uint64_t bytes_read() const override { return lines_.bytes(); }

 private:
  static std::string Trim(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == text.npos) return "";
    return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
  }

  const std::string key_start_;
  LineCounter lines_;
};

}  // namespace

std::optional<RecordFormat> RecordFormatOf(const std::string& name) {
  if (name == "tsv") return RecordFormat::kTsv;
  if (name == "jsonl") return RecordFormat::kJsonl;
  if (name == "deb822") return RecordFormat::kDeb822;
  return std::nullopt;
}

std::unique_ptr<RecordReader> OpenRecords(RecordFormat format, std::string key_field, ByteForm form,
                                          std::istream& in) {
  if (format == RecordFormat::kDeb822) {
    return std::make_unique<StanzaReader>(std::move(key_field), in);
  }
  return std::make_unique<LineReader>(format, form, in);
}

std::string FormatRecord(RecordFormat format, const client::KeyValue& pair, ByteForm form) {
  if (format == RecordFormat::kTsv) {
    return ToText(pair.key, form) + '\t' + ToText(pair.value, form) + '\n';
  }
  CHECK(format == RecordFormat::kJsonl) << "deb822 is read only";
  Json json = Json::MakeObject();
  AddBytes(json, "key", pair.key, form);
  AddBytes(json, "value", pair.value, form);
  return json.Dump() + '\n';
}

}  // namespace flotilla::cli
