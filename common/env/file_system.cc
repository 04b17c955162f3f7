#include "common/env/file_system.h"

#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"

namespace flotilla::env {

absl::StatusOr<std::string> ReadFile(const FileSystem& files, const std::string& path,
                                     uint64_t max_bytes) {
  ASSIGN_OR_RETURN(const uint64_t size, files.FileSize(path));
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s has %d bytes; at most %d are read at once", path, size, max_bytes));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, files.NewReadableFile(path));
  std::string data;
  RETURN_IF_ERROR(file->ReadAt(0, size, data));
  return data;
}

absl::Status WriteFileAtomically(FileSystem& files, const std::string& path,
                                 std::string_view data) {
  const std::string temporary = path + ".tmp";
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, files.NewWritableFile(temporary));
    RETURN_IF_ERROR(file->Append(data));
    RETURN_IF_ERROR(file->Sync());
  }
  RETURN_IF_ERROR(files.Rename(temporary, path));
  return files.SyncDir(ParentDir(path));
}

std::string ParentDir(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  if (slash == 0) return "/";
  return path.substr(0, slash);
}

}  // namespace flotilla::env
