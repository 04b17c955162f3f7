#include "tests/common/engine/failing_env.h"

#include <rocksdb/file_system.h>

#include <optional>
#include <utility>

#include "common/base/mutex.h"

namespace flotilla::engine {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// What fails, shared with every open file.
class Plan {
 public:
  void Set(FileOperation operation, const std::string& name, FileFault fault, int times) {
    MutexLock lock(mutex_);
    rule_ = Rule{operation, name, fault, times};
  }
  void Clear() {
    MutexLock lock(mutex_);
    rule_.reset();
  }
  int failures() {
    MutexLock lock(mutex_);
    return failures_;
  }
  IOStatus Check(FileOperation operation, const std::string& path) {
    MutexLock lock(mutex_);
    if (!rule_ || rule_->operation != operation || path.find(rule_->name) == path.npos) {
      return IOStatus::OK();
    }
    ++failures_;
    const FileFault fault = rule_->fault;
    if (rule_->times > 0 && --rule_->times == 0) rule_.reset();
    if (fault == FileFault::kIoError) return IOStatus::IOError("injected", path);
    IOStatus full = IOStatus::NoSpace("injected", path);
    full.SetRetryable(true);  // As RocksDB's POSIX files say.
    return full;
  }

 private:
  struct Rule {
    FileOperation operation;
    std::string name;
    FileFault fault;
    int times;
  };
  Mutex mutex_;
  std::optional<Rule> rule_ ABSL_GUARDED_BY(mutex_);
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
};

class FailingFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FailingFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path,
              std::shared_ptr<Plan> plan)
      : FSWritableFileOwnerWrapper(std::move(file)),
        path_(std::move(path)),
        plan_(std::move(plan)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = plan_->Check(FileOperation::kAppend, path_);
    const bool merges = GetIOPriority() == rocksdb::Env::IO_LOW;
    if (status.ok() && merges) status = plan_->Check(FileOperation::kMerge, path_);
    if (status.ok()) return FSWritableFileOwnerWrapper::Append(data, options, debug);
    FSWritableFileOwnerWrapper::Append(Slice(data.data(), data.size() / 2), options, debug)
        .PermitUncheckedError();
    return status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*info*/, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = plan_->Check(FileOperation::kSync, path_);
    return status.ok() ? FSWritableFileOwnerWrapper::Sync(options, debug) : status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = plan_->Check(FileOperation::kSync, path_);
    return status.ok() ? FSWritableFileOwnerWrapper::Fsync(options, debug) : status;
  }

 private:
  const std::string path_;
  const std::shared_ptr<Plan> plan_;
};

class FailingDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FailingDirectory(std::unique_ptr<rocksdb::FSDirectory> directory, std::string path,
                   std::shared_ptr<Plan> plan)
      : FSDirectoryWrapper(std::move(directory)), path_(std::move(path)), plan_(std::move(plan)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = plan_->Check(FileOperation::kSyncDirectory, path_);
    return status.ok() ? FSDirectoryWrapper::Fsync(options, debug) : status;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& why) override {
    const IOStatus status = plan_->Check(FileOperation::kSyncDirectory, path_);
    return status.ok() ? FSDirectoryWrapper::FsyncWithDirOptions(options, debug, why) : status;
  }

 private:
  const std::string path_;
  const std::shared_ptr<Plan> plan_;
};

}  // namespace

class FailingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FailingFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  Plan& plan() { return *plan_; }
  const char* Name() const override { return "flotilla.FailingFileSystem"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    IOStatus status = plan_->Check(FileOperation::kCreate, path);
    if (status.ok()) status = FileSystemWrapper::NewWritableFile(path, options, result, debug);
    if (status.ok()) *result = std::make_unique<FailingFile>(std::move(*result), path, plan_);
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    const IOStatus status = plan_->Check(FileOperation::kRename, to);
    return status.ok() ? FileSystemWrapper::RenameFile(from, to, options, debug) : status;
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* debug) override {
    const IOStatus status = FileSystemWrapper::NewDirectory(path, options, result, debug);
    if (status.ok()) *result = std::make_unique<FailingDirectory>(std::move(*result), path, plan_);
    return status;
  }

 private:
  const std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
};

FailingEnv::FailingEnv()
    : files_(std::make_shared<FailingFileSystem>()), env_(rocksdb::NewCompositeEnv(files_)) {}
FailingEnv::~FailingEnv() = default;

void FailingEnv::Fail(FileOperation operation, const std::string& name, FileFault fault,
                      int times) {
  files_->plan().Set(operation, name, fault, times);
}

void FailingEnv::Heal() { files_->plan().Clear(); }

int FailingEnv::failures() const { return files_->plan().failures(); }

}  // namespace flotilla::engine
