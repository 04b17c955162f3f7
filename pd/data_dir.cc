#include "pd/data_dir.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace flotilla::pd {
namespace {

constexpr uint64_t kMaxIdentityBytes = 64 << 10;

// Addresses are not part of it: a member may move.
std::string IdentityOf(const MemberList& members) {
  std::vector<std::string> names;
  for (const Member& member : members.all()) names.push_back(member.name);
  std::sort(names.begin(), names.end());
  return absl::StrCat("format 1\nmember ", members.self().name, "\nof ", absl::StrJoin(names, ","),
                      "\n");
}

// On one line, for messages.
std::string OneLine(std::string identity) {
  while (!identity.empty() && identity.back() == '\n') identity.pop_back();
  std::replace(identity.begin(), identity.end(), '\n', ' ');
  return identity;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDir>> DataDir::Open(env::FileSystem& files,
                                                       const std::string& path,
                                                       const MemberList& members) {
  RETURN_IF_ERROR(files.CreateDir(path));
  absl::StatusOr<std::unique_ptr<env::FileLock>> lock = files.Lock(path + "/LOCK");
  if (absl::IsUnavailable(lock.status())) {
    return absl::UnavailableError(
        absl::StrCat("data directory ", path, " is in use by another process"));
  }
  RETURN_IF_ERROR(lock.status());
  std::unique_ptr<DataDir> dir(new DataDir(path, *std::move(lock)));

  const std::string identity_path = path + "/IDENTITY";
  const std::string expected = IdentityOf(members);
  if (!files.Exists(identity_path)) {
    if (files.Exists(dir->log_path()) || files.Exists(dir->meta_path())) {
      return absl::FailedPreconditionError(
          absl::StrCat("data directory ", path, " holds data, but nothing says whose"));
    }
    RETURN_IF_ERROR(env::WriteFileAtomically(files, identity_path, expected));
    return dir;
  }
  ASSIGN_OR_RETURN(const std::string identity,
                   env::ReadFile(files, identity_path, kMaxIdentityBytes));
  if (identity != expected) {
    return absl::FailedPreconditionError(absl::StrCat("data directory ", path, " belongs to \"",
                                                      OneLine(identity), "\", this is \"",
                                                      OneLine(expected), "\""));
  }
  return dir;
}

}  // namespace flotilla::pd
