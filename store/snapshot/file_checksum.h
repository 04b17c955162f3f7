// The checksum of a whole snapshot file, block by block.
#ifndef FLOTILLA_STORE_SNAPSHOT_FILE_CHECKSUM_H_
#define FLOTILLA_STORE_SNAPSHOT_FILE_CHECKSUM_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/env/file_system.h"

namespace flotilla::store {

// SnapshotFile::checksum of the file at `path`, all `size_bytes` of it. DataLoss when it is
// shorter.
absl::StatusOr<uint64_t> FileChecksum(const env::FileSystem& files, const std::string& path,
                                      uint64_t size_bytes);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_FILE_CHECKSUM_H_
