// Keys and values are any bytes; people and files need text. The forms, for arguments, tables, tsv
// files and JSON:
//
//   escaped   \\ \n \r \t \0 and \xHH stand for bytes; all else stands for itself. Text written
//   here
//             escapes the backslash, control characters and what is not UTF-8.
//   hex       two digits a byte (--hex).
//   in JSON   "name": the text, when it is UTF-8; else "name_hex".
#ifndef FLOTILLA_CLIENT_CLI_BYTE_TEXT_H_
#define FLOTILLA_CLIENT_CLI_BYTE_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/cli/json.h"

namespace flotilla::cli {

enum class ByteForm { kEscaped, kHex };

std::string ToText(std::string_view bytes, ByteForm form = ByteForm::kEscaped);
// InvalidArgument, naming the wrong part, when `text` is not of this form.
absl::StatusOr<std::string> FromText(std::string_view text, ByteForm form = ByteForm::kEscaped);

bool IsUtf8(std::string_view bytes);

// Adds `bytes` to a JSON object as `name` or `name`_hex; always the latter when `form` is kHex.
void AddBytes(Json& object, std::string_view name, std::string_view bytes,
              ByteForm form = ByteForm::kEscaped);
// Reads what AddBytes wrote. NotFound when there is neither member.
absl::StatusOr<std::string> TakeBytes(const Json& object, std::string_view name);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_BYTE_TEXT_H_
