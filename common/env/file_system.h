// Files of a process: snapshot files, the lock and the identity of a data directory. RocksDB has
// its own way to the disk and does not come through here.
//
// posix_file_system.h is the production implementation; memory_file_system.h its twin, whose crash
// loses what was not synced. Both are thread-safe; a file object belongs to one thread at a time.
#ifndef FLOTILLA_COMMON_ENV_FILE_SYSTEM_H_
#define FLOTILLA_COMMON_ENV_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace flotilla::env {

// Closed by the destructor. A file whose Append or Sync failed must not be trusted any more.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual absl::Status Append(std::string_view data) = 0;
  // What was appended survives a crash, once the file's directory is synced too.
  virtual absl::Status Sync() = 0;
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Replaces `out` by up to `max_bytes` bytes at `offset`; fewer only at the end of the file.
  virtual absl::Status ReadAt(uint64_t offset, size_t max_bytes, std::string& out) const = 0;
};

// Held until destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Of the disk that a path lies on.
struct DiskSpace {
  uint64_t capacity = 0;
  uint64_t available = 0;  // To this process.
};

// Paths are absolute or relative to the process' directory, '/' between their parts. Errors name
// the path; NotFound, AlreadyExists, ResourceExhausted (no space), else Internal.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Creates `path` and its missing parents, durably. OK when it exists already.
  virtual absl::Status CreateDir(const std::string& path) = 0;
  // Names (not paths) in a directory, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& dir) const = 0;
  // A new empty file in place of any old one of that name.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> NewWritableFile(
      const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<ReadableFile>> NewReadableFile(
      const std::string& path) const = 0;
  // A second name of the same file. AlreadyExists when `to` does.
  virtual absl::Status Link(const std::string& from, const std::string& to) = 0;
  // Atomic; replaces a file called `to`. Directories may be renamed too. Durable after SyncDir of
  // both parents.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // A file or an empty directory.
  virtual absl::Status Remove(const std::string& path) = 0;
  // A directory with all that is in it. OK when there is none.
  virtual absl::Status RemoveAll(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) const = 0;
  virtual absl::StatusOr<uint64_t> FileSize(const std::string& path) const = 0;
  virtual absl::StatusOr<DiskSpace> Space(const std::string& path) const = 0;
  // A file of so many bytes that take their space now, in place of any old one of that name.
  // Nothing is left of it after an error; Unimplemented: the disk cannot do it.
  virtual absl::Status Allocate(const std::string& path, uint64_t bytes) = 0;
  // Makes the names in a directory (creations, renames, removals) durable.
  virtual absl::Status SyncDir(const std::string& dir) = 0;
  // Unavailable when another process, or another holder in this one, has the lock. Creates the
  // file.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// The whole file. ResourceExhausted when it is larger than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const FileSystem& files, const std::string& path,
                                     uint64_t max_bytes);
// Writes `path + ".tmp"`, syncs and renames it, syncs the directory: after a crash the file is the
// old or the new one.
absl::Status WriteFileAtomically(FileSystem& files, const std::string& path, std::string_view data);
// "a/b" of "a/b/c"; "." of "c".
std::string ParentDir(const std::string& path);

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_FILE_SYSTEM_H_
