#include "client/cli/line_words.h"

namespace flotilla::cli {

absl::StatusOr<std::vector<std::string>> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = '\0';
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == '\0' && (c == ' ' || c == '\t')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    const char next = i + 1 < line.size() ? line[i + 1] : '\0';
    if (c == '\\' && (next == '"' || next == '\'')) {
      words.back() += next;
      ++i;
    } else if (quote != '\0' ? c == quote : c == '"' || c == '\'') {
      quote = quote == '\0' ? c : '\0';
    } else {
      words.back() += c;
    }
  }
  if (quote != '\0') return absl::InvalidArgumentError("a quote has no end");
  return words;
}

}  // namespace flotilla::cli
