// Cuts a shell line into words.
#ifndef FLOTILLA_CLIENT_CLI_LINE_WORDS_H_
#define FLOTILLA_CLIENT_CLI_LINE_WORDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace flotilla::cli {

// Words are apart by spaces and tabs; '...' and "..." keep them, and may stand within a word. A
// backslash stays in the word, for the escapes of keys and values, and before a quote keeps the
// quote from counting. InvalidArgument when a quote has no end.
absl::StatusOr<std::vector<std::string>> SplitWords(std::string_view line);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_LINE_WORDS_H_
