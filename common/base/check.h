// Assertions of programmer errors, on in release builds too: a process that broke one of its own
// invariants must not go on answering. Errors of a request are absl::Status, never a CHECK.
#ifndef FLOTILLA_COMMON_BASE_CHECK_H_
#define FLOTILLA_COMMON_BASE_CHECK_H_

#include <sstream>
#include <string>
#include <string_view>

namespace flotilla::base {

// Prints `file:line: condition message` to standard error and aborts.
[[noreturn]] void FailCheck(const char* file, int line, std::string_view condition,
                            const std::string& message);

// Collects the streamed message of a failed CHECK and aborts when it goes out of scope.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition)
      : file_(file), line_(line), condition_(condition) {}
  [[noreturn]] ~CheckFailure() { FailCheck(file_, line_, condition_, message_.str()); }
  std::ostream& stream() { return message_; }

 private:
  const char* file_;
  int line_;
  const char* condition_;
  std::ostringstream message_;
};

}  // namespace flotilla::base

// CHECK(condition) << "what this means";
#define CHECK(condition) \
  while (!(condition))   \
  [[unlikely]] ::flotilla::base::CheckFailure(__FILE__, __LINE__, #condition).stream()

#define FLOTILLA_CHECK_OP(a, op, b) CHECK((a)op(b)) << "(" << (a) << " vs " << (b) << ") "
#define CHECK_EQ(a, b) FLOTILLA_CHECK_OP(a, ==, b)
#define CHECK_NE(a, b) FLOTILLA_CHECK_OP(a, !=, b)
#define CHECK_LT(a, b) FLOTILLA_CHECK_OP(a, <, b)
#define CHECK_LE(a, b) FLOTILLA_CHECK_OP(a, <=, b)
#define CHECK_GT(a, b) FLOTILLA_CHECK_OP(a, >, b)
#define CHECK_GE(a, b) FLOTILLA_CHECK_OP(a, >=, b)

// CHECK_OK(status): an operation that cannot fail, or whose failure means that the process cannot
// trust its disk any more.
#define CHECK_OK(expression)                                                              \
  if (auto flotilla_check_status = (expression); flotilla_check_status.ok()) [[likely]] { \
  } else /* NOLINT */                                                                     \
    ::flotilla::base::CheckFailure(__FILE__, __LINE__, #expression).stream()              \
        << flotilla_check_status.ToString() << " "

#endif  // FLOTILLA_COMMON_BASE_CHECK_H_
