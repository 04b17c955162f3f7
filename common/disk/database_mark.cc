#include "common/disk/database_mark.h"

#include "absl/strings/str_cat.h"

namespace flotilla::disk {
namespace {

constexpr char kMark[] = "/COMPLETE";

}  // namespace

absl::Status CheckDatabases(const env::FileSystem& files, const std::string& dir,
                            const std::vector<std::string>& databases, const std::string& way_out) {
  if (!files.Exists(dir + kMark)) return absl::OkStatus();
  for (const std::string& name : databases) {
    const std::string path = absl::StrCat(dir, "/", name);
    // RocksDB's first file, and the one that names all others.
    if (files.Exists(path + "/CURRENT")) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "data directory ", dir, " has lost its database ", path,
        ": without it this process would vote and acknowledge as if it remembered. ", way_out));
  }
  return absl::OkStatus();
}

absl::Status MarkDatabases(env::FileSystem& files, const std::string& dir) {
  if (files.Exists(dir + kMark)) return absl::OkStatus();
  return env::WriteFileAtomically(files, dir + kMark,
                                  "the databases of this directory were made\n");
}

}  // namespace flotilla::disk
