// Rows of text in aligned columns, for people.
#ifndef FLOTILLA_CLIENT_CLI_TABLE_H_
#define FLOTILLA_CLIENT_CLI_TABLE_H_

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace flotilla::cli {

class Table {
 public:
  // A title that starts with '>' stands over a column of numbers, which is aligned to the right.
  explicit Table(std::vector<std::string> titles);

  // REQUIRES: as many cells as titles.
  void AddRow(std::vector<std::string> cells);
  void Print(std::ostream& out) const;

 private:
  std::vector<std::string> titles_;
  std::vector<bool> is_right_;
  std::vector<std::vector<std::string>> rows_;
};

// "1,234,567".
std::string WithCommas(uint64_t number);
// "1 store", "3 stores".
std::string Counted(size_t number, std::string_view noun);
// "1.5 MiB".
std::string HumanBytes(uint64_t bytes);
// "42 s", "3 min", "5 h", "2 d".
std::string HumanSeconds(int64_t seconds);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_TABLE_H_
