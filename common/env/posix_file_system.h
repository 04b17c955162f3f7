// The file system of the machine.
#ifndef FLOTILLA_COMMON_ENV_POSIX_FILE_SYSTEM_H_
#define FLOTILLA_COMMON_ENV_POSIX_FILE_SYSTEM_H_

#include <memory>
#include <string>
#include <vector>

#include "common/env/file_system.h"

namespace flotilla::env {

class PosixFileSystem final : public FileSystem {
 public:
  absl::Status CreateDir(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) const override;
  absl::StatusOr<std::unique_ptr<WritableFile>> NewWritableFile(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadableFile>> NewReadableFile(
      const std::string& path) const override;
  absl::Status Link(const std::string& from, const std::string& to) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status RemoveAll(const std::string& path) override;
  bool Exists(const std::string& path) const override;
  absl::StatusOr<uint64_t> FileSize(const std::string& path) const override;
  absl::StatusOr<DiskSpace> Space(const std::string& path) const override;
  absl::Status Allocate(const std::string& path, uint64_t bytes) override;
  absl::Status SyncDir(const std::string& dir) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
};

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_POSIX_FILE_SYSTEM_H_
