// Tells a data directory that has lost a database from one whose databases were never made. The
// first must not be used: a process without its Raft log would vote and acknowledge as if it
// remembered.
#ifndef FLOTILLA_COMMON_DISK_DATABASE_MARK_H_
#define FLOTILLA_COMMON_DISK_DATABASE_MARK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/env/file_system.h"

namespace flotilla::disk {

// Before the databases, RocksDB's, are opened, which would make those that are missing.
// FailedPrecondition, with the path and `way_out`, when the directory is marked and one is not
// there.
absl::Status CheckDatabases(const env::FileSystem& files, const std::string& dir,
                            const std::vector<std::string>& databases, const std::string& way_out);

// All of them are there from now on.
absl::Status MarkDatabases(env::FileSystem& files, const std::string& dir);

}  // namespace flotilla::disk

#endif  // FLOTILLA_COMMON_DISK_DATABASE_MARK_H_
