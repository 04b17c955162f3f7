// How far a node's wall clock is off: a file that clock_shim.cc reads in the node's processes.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_CLOCK_FILE_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_CLOCK_FILE_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"

namespace flotilla::chaos {

class ClockFile {
 public:
  explicit ClockFile(std::string path) : path_(std::move(path)) {}

  absl::Status Set(std::chrono::nanoseconds offset) const;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_CLOCK_FILE_H_
