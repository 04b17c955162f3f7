// Sockets that listen on an address, and the names of addresses. Internal to common/rpc.
#ifndef FLOTILLA_COMMON_RPC_LISTEN_SOCKET_H_
#define FLOTILLA_COMMON_RPC_LISTEN_SOCKET_H_

#include <sys/socket.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/file_descriptor.h"

namespace flotilla::rpc {

struct ListenSockets {
  // One for each address that the name stands for; non-blocking.
  std::vector<FileDescriptor> sockets;
  int port = 0;
};

// `address`: host:port. The host is a name, an IPv4 address, an IPv6 address in brackets, or empty
// for all addresses of the machine, of both families ("[::]" likewise; "0.0.0.0" is IPv4 alone).
// Port 0 takes any free one, on the first address of a name. A second process cannot share the
// port. InvalidArgument: not host:port. Unavailable, with address and reason: it cannot be listened
// on.
absl::StatusOr<ListenSockets> Listen(const std::string& address);

// Whom connections are counted by: an IPv4 address, however it came; the network of an IPv6
// address, its first 64 bits, for one machine has all addresses of such a network.
std::string CountedAddress(const sockaddr_storage& peer);

// "127.0.0.1:1234", "[::1]:1234".
std::string AddressText(const sockaddr_storage& peer);

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_LISTEN_SOCKET_H_
