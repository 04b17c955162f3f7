#include "tests/cluster/chaos/clock_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>

namespace flotilla::chaos {

absl::Status ClockFile::Set(std::chrono::nanoseconds offset) const {
  // In place, and whole: processes have it mapped.
  const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  const int64_t value = offset.count();
  const bool written = file >= 0 && pwrite(file, &value, sizeof(value), 0) == sizeof(value);
  if (file >= 0) close(file);
  return written ? absl::OkStatus() : absl::UnknownError("cannot write " + path_);
}

}  // namespace flotilla::chaos
