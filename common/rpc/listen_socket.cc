#include "common/rpc/listen_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace flotilla::rpc {
namespace {

struct HostPort {
  std::string host;
  int port = 0;
};

absl::StatusOr<HostPort> Split(const std::string& address) {
  const auto bad = [&address] {
    return absl::InvalidArgumentError(ToAbsl(fmt::format("{} is not host:port", address)));
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return bad();
  HostPort result;
  result.host = address.substr(0, colon);
  const std::string port = address.substr(colon + 1);
  if (!absl::SimpleAtoi(port, &result.port) || result.port < 0 || result.port > 65535) return bad();
  const bool bracketed =
      result.host.size() >= 2 && result.host.front() == '[' && result.host.back() == ']';
  if (bracketed) {
    result.host = result.host.substr(1, result.host.size() - 2);
  } else if (result.host.find(':') != std::string::npos) {
    return bad();
  }
  if (result.host.empty()) result.host = "::";
  return result;
}

absl::Status CannotListen(const std::string& address, const std::string& reason) {
  return absl::UnavailableError(ToAbsl(fmt::format("cannot listen on {}: {}", address, reason)));
}

std::string ErrnoText(int error) { return std::generic_category().message(error); }

void SetPort(addrinfo* info, int port) {
  if (info->ai_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(info->ai_addr)->sin6_port = htons(static_cast<uint16_t>(port));
  } else {
    reinterpret_cast<sockaddr_in*>(info->ai_addr)->sin_port = htons(static_cast<uint16_t>(port));
  }
}

int PortOf(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// Invalid, with errno, when it fails.
FileDescriptor ListenOn(const addrinfo& info) {
  FileDescriptor fd(
      socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd.valid()) return fd;
  const int yes = 1;
  // A restart does not wait until the old process's connections are forgotten. SO_REUSEPORT stays
  // off: two processes on one port would share its connections at random.
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (info.ai_family == AF_INET6) {
    // Only "::" stands for the addresses of both families.
    const auto& bound = *reinterpret_cast<const sockaddr_in6*>(info.ai_addr);
    const int v6_only = IN6_IS_ADDR_UNSPECIFIED(&bound.sin6_addr) ? 0 : 1;
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
  }
  if (bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0 || listen(fd.get(), SOMAXCONN) != 0) {
    const int error = errno;
    fd.Reset();
    errno = error;
  }
  return fd;
}

using AddrInfoPtr = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<AddrInfoPtr> Resolve(const std::string& address, const HostPort& target) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const std::string port = std::to_string(target.port);
  addrinfo* found = nullptr;
  int failure = getaddrinfo(target.host.c_str(), port.c_str(), &hints, &found);
  if (failure != 0) return CannotListen(address, gai_strerror(failure));
  return AddrInfoPtr(found, &freeaddrinfo);
}

// A machine without the address's family, such as one whose IPv6 is switched off.
bool IsAddressMissing(int error) { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

}  // namespace

absl::StatusOr<ListenSockets> Listen(const std::string& address) {
  ASSIGN_OR_RETURN(HostPort target, Split(address));
  ASSIGN_OR_RETURN(AddrInfoPtr found, Resolve(address, target));
  ListenSockets result;
  int missing = EADDRNOTAVAIL;
  for (addrinfo* info = found.get(); info != nullptr; info = info->ai_next) {
    SetPort(info, target.port);
    FileDescriptor fd = ListenOn(*info);
    if (!fd.valid()) {
      // Of a name with several addresses, those of a family that the machine lacks do not count.
      if (!IsAddressMissing(errno)) return CannotListen(address, ErrnoText(errno));
      missing = errno;
      continue;
    }
    sockaddr_storage bound = {};
    socklen_t length = sizeof(bound);
    if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
      return CannotListen(address, ErrnoText(errno));
    }
    result.port = PortOf(bound);
    result.sockets.push_back(std::move(fd));
    if (target.port == 0) break;
  }
  if (result.sockets.empty() && target.host == "::" && address.front() == ':') {
    // All addresses of a machine without IPv6.
    return Listen("0.0.0.0" + address);
  }
  if (result.sockets.empty()) return CannotListen(address, ErrnoText(missing));
  return result;
}

std::string CountedAddress(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET6) {
    const in6_addr& from = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    const auto* bytes = reinterpret_cast<const char*>(from.s6_addr);
    if (IN6_IS_ADDR_V4MAPPED(&from)) return std::string(bytes + 12, 4);
    return std::string(bytes, 8);
  }
  const in_addr& from = reinterpret_cast<const sockaddr_in&>(peer).sin_addr;
  return std::string(reinterpret_cast<const char*>(&from), sizeof(from));
}

std::string AddressText(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (peer.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, text, sizeof(text));
    return fmt::format("[{}]:{}", text, PortOf(peer));
  }
  inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, text, sizeof(text));
  return fmt::format("{}:{}", text, PortOf(peer));
}

}  // namespace flotilla::rpc
