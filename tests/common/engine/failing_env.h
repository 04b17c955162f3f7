// A file system under RocksDB that fails when it is told to: writes, syncs and renames of chosen
// files, as a broken or a full disk does.
#ifndef FLOTILLA_TESTS_COMMON_ENGINE_FAILING_ENV_H_
#define FLOTILLA_TESTS_COMMON_ENGINE_FAILING_ENV_H_

#include <rocksdb/env.h>

#include <memory>
#include <string>

namespace flotilla::engine {

// kMerge: an append by a compaction.
enum class FileOperation { kCreate, kAppend, kMerge, kSync, kRename, kSyncDirectory };
enum class FileFault { kIoError, kNoSpace };

class FailingFileSystem;

// Thread-safe.
class FailingEnv {
 public:
  FailingEnv();
  ~FailingEnv();

  rocksdb::Env* env() const { return env_.get(); }
  // From now on the operation fails on files whose name contains `name` (".sst", "MANIFEST"). A
  // failed append has written half. `times` 0: for ever.
  void Fail(FileOperation operation, const std::string& name, FileFault fault, int times = 0);
  // All is well again.
  void Heal();
  // How many operations have failed.
  int failures() const;

 private:
  const std::shared_ptr<FailingFileSystem> files_;
  const std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace flotilla::engine

#endif  // FLOTILLA_TESTS_COMMON_ENGINE_FAILING_ENV_H_
