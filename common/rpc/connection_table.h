// The connections that are open, by descriptor: how many, and how many of each address.
//
// A connection that was accepted belongs to gRPC, which closes it without telling anybody. So an
// entry remembers the socket's inode: once the descriptor is closed, or is another file by now, the
// connection has ended. Prune looks at all of them, one fstat each.
//
// Not thread-safe.
#ifndef FLOTILLA_COMMON_RPC_CONNECTION_TABLE_H_
#define FLOTILLA_COMMON_RPC_CONNECTION_TABLE_H_

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>
#include <unordered_map>

namespace flotilla::rpc {

class ConnectionTable {
 public:
  enum class Room { kYes, kFull, kAddressFull };

  ConnectionTable(size_t max_connections, size_t max_per_address);

  // Whether one more connection from `address` (CountedAddress) may be added.
  Room RoomFor(const std::string& address) const;
  // `fd` is a socket that was just accepted: an entry of the same number has ended.
  void Add(int fd, const std::string& address);
  // Forgets the connections that have ended.
  void Prune();

  size_t size() const { return connections_.size(); }
  size_t CountOf(const std::string& address) const;

 private:
  struct Connection {
    ino_t inode;
    std::string address;
  };
  using Connections = std::unordered_map<int, Connection>;

  Connections::iterator Remove(Connections::iterator at);

  const size_t max_connections_;
  const size_t max_per_address_;
  Connections connections_;
  // No zeros.
  std::map<std::string, size_t> by_address_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_CONNECTION_TABLE_H_
