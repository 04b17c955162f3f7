#include "common/rpc/connection_table.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/base/check.h"

namespace flotilla::rpc {
namespace {

// 0: no open socket. Another thread may close the descriptor, or get the same number for another
// file, at any time: that is what is asked here. (ThreadSanitizer would call it a race of `fstat`.)
ino_t SocketInode(int fd) {
  struct stat status = {};
  if (fstatat(fd, "", &status, AT_EMPTY_PATH) != 0 || !S_ISSOCK(status.st_mode)) return 0;
  return status.st_ino;
}

}  // namespace

ConnectionTable::ConnectionTable(size_t max_connections, size_t max_per_address)
    : max_connections_(max_connections), max_per_address_(max_per_address) {
  CHECK(max_connections_ > 0 && max_per_address_ > 0);
}

ConnectionTable::Room ConnectionTable::RoomFor(const std::string& address) const {
  if (size() >= max_connections_) return Room::kFull;
  if (CountOf(address) >= max_per_address_) return Room::kAddressFull;
  return Room::kYes;
}

void ConnectionTable::Add(int fd, const std::string& address) {
  const ino_t inode = SocketInode(fd);
  CHECK(inode != 0) << fd << " is no socket";
  const auto before = connections_.find(fd);
  if (before != connections_.end()) Remove(before);
  connections_.emplace(fd, Connection{inode, address});
  ++by_address_[address];
}

void ConnectionTable::Prune() {
  for (auto at = connections_.begin(); at != connections_.end();) {
    at = SocketInode(at->first) == at->second.inode ? std::next(at) : Remove(at);
  }
}

size_t ConnectionTable::CountOf(const std::string& address) const {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? 0 : found->second;
}

ConnectionTable::Connections::iterator ConnectionTable::Remove(Connections::iterator at) {
  const auto count = by_address_.find(at->second.address);
  if (--count->second == 0) by_address_.erase(count);
  return connections_.erase(at);
}

}  // namespace flotilla::rpc
