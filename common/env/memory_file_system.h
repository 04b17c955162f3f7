// Files in memory for tests and the simulator. Crash loses what was appended and not synced, and
// what was created, renamed or removed in a directory that was not synced since.
#ifndef FLOTILLA_COMMON_ENV_MEMORY_FILE_SYSTEM_H_
#define FLOTILLA_COMMON_ENV_MEMORY_FILE_SYSTEM_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/env/file_system.h"
#include "common/env/random.h"

namespace flotilla::env {

class MemoryFileSystem final : public FileSystem {
 public:
  MemoryFileSystem();
  ~MemoryFileSystem() override;

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

  // Power is cut. Open files and locks of before must be gone.
  void Crash();
  // The same, but some of what was not synced may have got to the disk: a part of what was appended
  // to a file, its last byte damaged perhaps, and the names of some directories.
  void CrashTorn(Random random);
  // Holds what a power cut now would leave of `other`, as a copy of its disk does.
  void CopyDurable(const MemoryFileSystem& other);
  // Appends beyond so many bytes of all files together fail with ResourceExhausted.
  void SetCapacity(uint64_t bytes);
  // Flips a bit of the stored file. REQUIRES: `offset` is inside of it.
  void Corrupt(const std::string& path, uint64_t offset);
  uint64_t TotalBytes() const;

 private:
  struct Shared;
  class Writable;
  class Readable;
  class HeldLock;

  const std::shared_ptr<Shared> shared_;
};

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_MEMORY_FILE_SYSTEM_H_
