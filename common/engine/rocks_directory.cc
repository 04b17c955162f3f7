#include "common/engine/rocks_directory.h"

#include <memory>

#include "common/base/status_macros.h"
#include "common/engine/rocks_status.h"

namespace flotilla::engine {

absl::Status MakeDirectoryOutlive(rocksdb::Env* env, const std::string& path) {
  if (env == nullptr) env = rocksdb::Env::Default();
  RETURN_IF_ERROR(FromRocks("make the directory " + path, env->CreateDirIfMissing(path)));
  const size_t slash = path.rfind('/');
  const std::string parent = slash == path.npos ? "." : path.substr(0, slash + 1);
  std::unique_ptr<rocksdb::Directory> above;
  RETURN_IF_ERROR(FromRocks("open the directory " + parent, env->NewDirectory(parent, &above)));
  return FromRocks("sync the directory " + parent, above->Fsync());
}

}  // namespace flotilla::engine
