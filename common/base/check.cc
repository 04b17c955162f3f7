#include "common/base/check.h"

#include <cstdio>
#include <cstdlib>

#include "common/base/log.h"

namespace flotilla::base {

void FailCheck(const char* file, int line, std::string_view condition, const std::string& message) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %.*s %s\n", file, line,
               static_cast<int>(condition.size()), condition.data(), message.c_str());
  std::fflush(stderr);
  FlushLogs();
  std::abort();
}

}  // namespace flotilla::base
