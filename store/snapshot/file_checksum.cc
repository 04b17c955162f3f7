#include "store/snapshot/file_checksum.h"

#include <memory>

#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "store/snapshot/manifest.h"

namespace flotilla::store {

absl::StatusOr<uint64_t> FileChecksum(const env::FileSystem& files, const std::string& path,
                                      uint64_t size_bytes) {
  ASSIGN_OR_RETURN(const std::unique_ptr<env::ReadableFile> file, files.NewReadableFile(path));
  uint64_t checksum = 0;
  std::string block;
  for (uint64_t offset = 0; offset < size_bytes; offset += block.size()) {
    RETURN_IF_ERROR(file->ReadAt(offset, kSnapshotBlockBytes, block));
    if (block.empty()) {
      return absl::DataLossError(
          absl::StrFormat("%s has %d bytes instead of %d", path, offset, size_bytes));
    }
    checksum = BlockChecksum(checksum, block);
  }
  return checksum;
}

}  // namespace flotilla::store
