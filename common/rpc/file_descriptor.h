// A file descriptor that is closed with its owner.
#ifndef FLOTILLA_COMMON_RPC_FILE_DESCRIPTOR_H_
#define FLOTILLA_COMMON_RPC_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace flotilla::rpc {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  ~FileDescriptor() { Reset(); }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // The caller closes it.
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_FILE_DESCRIPTOR_H_
