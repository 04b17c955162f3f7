// Reads key-value records from a stream of text, one at a time, in bounded memory.
//
//   tsv     key TAB value, a line each, in the escaped form (byte_text.h) or, with --hex, in hex.
//   jsonl   {"key": ..., "value": ...}, a line each; key_hex and value_hex for bytes that are not
//           UTF-8. Other members are ignored.
//   deb822  stanzas of "Field: value" lines, apart by empty lines, as in Debian's package index.
//   The
//           key is the value of one field; the value, the whole stanza. A stanza without the field
//           is an error.
#ifndef FLOTILLA_CLIENT_CLI_RECORD_READER_H_
#define FLOTILLA_CLIENT_CLI_RECORD_READER_H_

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/byte_text.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cli {

enum class RecordFormat { kTsv, kJsonl, kDeb822 };

// By name; nothing when there is no such format.
std::optional<RecordFormat> RecordFormatOf(const std::string& name);

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // The next record; nothing at the end. InvalidArgument names the line and what is wrong with it.
  virtual absl::StatusOr<std::optional<client::KeyValue>> Next() = 0;
  // Of the input, as far as it was read.
  virtual uint64_t bytes_read() const = 0;
};

// `key_field`: for kDeb822. `in` must outlive the reader.
std::unique_ptr<RecordReader> OpenRecords(RecordFormat format, std::string key_field, ByteForm form,
                                          std::istream& in);

// The line, with its end, that a reader of `format` takes for `pair`. REQUIRES: not kDeb822.
std::string FormatRecord(RecordFormat format, const client::KeyValue& pair, ByteForm form);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_RECORD_READER_H_
