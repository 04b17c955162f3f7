// A member's data directory: locked for one process, and bound for ever to one member of one set of
// members.
//
//   LOCK       held while the process lives
//   IDENTITY   who the data belong to
//   log/       the Raft log
//   meta/      the replicated metadata
#ifndef FLOTILLA_PD_DATA_DIR_H_
#define FLOTILLA_PD_DATA_DIR_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/env/file_system.h"
#include "pd/meta/member.h"

namespace flotilla::pd {

class DataDir {
 public:
  // Creates the directory, or takes an existing one. Unavailable: another process has it.
  // FailedPrecondition: it belongs to another member or to another set of members.
  static absl::StatusOr<std::unique_ptr<DataDir>> Open(env::FileSystem& files,
                                                       const std::string& path,
                                                       const MemberList& members);

  std::string log_path() const { return path_ + "/log"; }
  std::string meta_path() const { return path_ + "/meta"; }

 private:
  DataDir(std::string path, std::unique_ptr<env::FileLock> lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  const std::string path_;
  const std::unique_ptr<env::FileLock> lock_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_DATA_DIR_H_
