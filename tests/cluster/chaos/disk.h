// A node's disk: a process of flotilla-powerloss-fs, and what it is told.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_DISK_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_DISK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace flotilla::chaos {

class Disk {
 public:
  // Mounted at `directory`/disk once it is inserted.
  explicit Disk(std::string directory);
  // Its files are gone then.
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  absl::Status Insert(const std::string& program);
  // As MountedVolume::Command; Unknown, with the answer, when it was an error.
  absl::StatusOr<std::string> Tell(const std::string& command);

  const std::string& path() const { return path_; }

 private:
  const std::string directory_;
  const std::string path_;
  int pid_ = 0;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_DISK_H_
