#include "common/env/posix_file_system.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"

namespace flotilla::env {
namespace {

absl::Status ErrorOf(const char* what, const std::string& path, std::error_code error) {
  const std::string message = absl::StrFormat("%s %s: %s", what, path, error.message());
  switch (error.value()) {
    case ENOENT:
      return absl::NotFoundError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::Status LastError(const char* what, const std::string& path) {
  return ErrorOf(what, path, std::error_code(errno, std::generic_category()));
}

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  const int fd_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  absl::Status Append(std::string_view data) override {
    while (!data.empty()) {
      const ssize_t written = ::write(fd_.get(), data.data(), data.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return LastError("write", path_);
      }
      data.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (::fdatasync(fd_.get()) != 0) return LastError("sync", path_);
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const Descriptor fd_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  absl::Status ReadAt(uint64_t offset, size_t max_bytes, std::string& out) const override {
    out.resize(max_bytes);
    size_t have = 0;
    while (have < max_bytes) {
      const ssize_t got = ::pread(fd_.get(), out.data() + have, max_bytes - have,
                                  static_cast<off_t>(offset + have));
      if (got < 0) {
        if (errno == EINTR) continue;
        return LastError("read", path_);
      }
      if (got == 0) break;
      have += static_cast<size_t>(got);
    }
    out.resize(have);
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const Descriptor fd_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(int fd) : fd_(fd) {}

 private:
  const Descriptor fd_;  // Closing it releases the lock.
};

}  // namespace

absl::Status PosixFileSystem::CreateDir(const std::string& path) {
  if (path.empty() || path == "." || path == "/") return absl::OkStatus();
  if (::mkdir(path.c_str(), 0755) == 0) return SyncDir(ParentDir(path));
  if (errno == EEXIST) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
    return absl::AlreadyExistsError(absl::StrFormat("%s exists and is no directory", path));
  }
  if (errno != ENOENT) return LastError("create directory", path);
  RETURN_IF_ERROR(CreateDir(ParentDir(path)));
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return LastError("create directory", path);
  }
  return SyncDir(ParentDir(path));
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::List(const std::string& dir) const {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator it(dir, error);
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return ErrorOf("list", dir, error);
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::unique_ptr<WritableFile>> PosixFileSystem::NewWritableFile(
    const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return LastError("create", path);
  return std::make_unique<PosixWritableFile>(path, fd);
}

absl::StatusOr<std::unique_ptr<ReadableFile>> PosixFileSystem::NewReadableFile(
    const std::string& path) const {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return LastError("open", path);
  return std::make_unique<PosixReadableFile>(path, fd);
}

absl::Status PosixFileSystem::Link(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) != 0) return LastError("link", from + " to " + to);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return LastError("rename", from + " to " + to);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::Remove(const std::string& path) {
  if (::remove(path.c_str()) != 0) return LastError("remove", path);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::RemoveAll(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return ErrorOf("remove", path, error);
  return absl::OkStatus();
}

bool PosixFileSystem::Exists(const std::string& path) const {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

absl::StatusOr<uint64_t> PosixFileSystem::FileSize(const std::string& path) const {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error) return ErrorOf("size of", path, error);
  return size;
}

absl::StatusOr<DiskSpace> PosixFileSystem::Space(const std::string& path) const {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(path, error);
  if (error) return ErrorOf("space of", path, error);
  return DiskSpace{space.capacity, space.available};
}

absl::Status PosixFileSystem::Allocate(const std::string& path, uint64_t bytes) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return LastError("create", path);
  // The system call itself: where the disk cannot do it, the library's function would write zeros.
  if (::fallocate(fd.get(), 0, 0, static_cast<off_t>(bytes)) == 0) return absl::OkStatus();
  const absl::Status status =
      errno == EOPNOTSUPP || errno == ENOSYS
          ? absl::UnimplementedError("allocate " + path + ": the file system cannot do it")
          : LastError("allocate", path);
  ::unlink(path.c_str());
  return status;
}

absl::Status PosixFileSystem::SyncDir(const std::string& dir) {
  const Descriptor fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return LastError("open directory", dir);
  if (::fsync(fd.get()) != 0) return LastError("sync directory", dir);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0) return LastError("open", path);
  auto lock = std::make_unique<PosixFileLock>(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return LastError("lock", path);
    return absl::UnavailableError(
        absl::StrFormat("%s is locked: another process uses its directory", path));
  }
  return lock;
}

}  // namespace flotilla::env
