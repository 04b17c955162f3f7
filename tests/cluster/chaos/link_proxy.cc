#include "tests/cluster/chaos/link_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spdlog/fmt/fmt.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace flotilla::chaos {
namespace {

constexpr size_t kPiece = 64 * 1024;
constexpr size_t kMaxWaiting = 1024 * 1024;

bool Has(const std::vector<pollfd>& sockets, int socket, short events) {
  return std::any_of(sockets.begin(), sockets.end(), [&](const pollfd& one) {
    return one.fd == socket && (one.revents & (events | POLLERR | POLLHUP)) != 0;
  });
}

sockaddr_in AddressOf(const std::string& address, int port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &made.sin_addr);
  return made;
}

bool WouldWait() { return errno == EAGAIN || errno == EINPROGRESS || errno == ENOTCONN; }

}  // namespace

LinkProxy::LinkProxy(std::string target_address, int target_port, uint64_t seed,
                     std::function<bool(const std::string&)> may_corrupt)
    : target_address_(std::move(target_address)),
      target_port_(target_port),
      may_corrupt_(std::move(may_corrupt)),
      random_(seed) {}

LinkProxy::~LinkProxy() {
  if (thread_ == nullptr) return;
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  eventfd_write(waker_, 1);
  thread_->join();
  for (Link& link : links_) Break(link);
  close(listener_);
  close(waker_);
}

absl::Status LinkProxy::Start(NamespaceThread& room, int port) {
  waker_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  bool listens = false;
  // Threads and sockets that are made in the room belong to its network.
  room.Run([&] {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int yes = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    const sockaddr_in address = AddressOf("0.0.0.0", port);
    listens = bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
              listen(listener_, 512) == 0;
    if (listens) thread_ = std::make_unique<std::thread>([this] { Live(); });
  });
  if (listens) return absl::OkStatus();
  return absl::UnknownError(fmt::format("no proxy at port {}: {}", port, std::strerror(errno)));
}

void LinkProxy::Behave(const LinkBehaviour& behaviour) {
  MutexLock lock(mutex_);
  behaviour_ = behaviour;
}

void LinkProxy::ResetAll() {
  {
    MutexLock lock(mutex_);
    resets_ = true;
  }
  eventfd_write(waker_, 1);
}

uint64_t LinkProxy::corrupted_pieces() {
  MutexLock lock(mutex_);
  return corrupted_;
}

void LinkProxy::Live() {
  while (true) {
    std::vector<pollfd> sockets;
    int timeout_ms = -1;
    Watch(&sockets, &timeout_ms);
    poll(sockets.data(), sockets.size(), timeout_ms);
    eventfd_t ignored = 0;
    eventfd_read(waker_, &ignored);
    bool resets = false;
    {
      MutexLock lock(mutex_);
      if (ending_) return;
      now_ = behaviour_;
      resets = std::exchange(resets_, false);
    }
    for (auto link = links_.begin(); link != links_.end();) {
      if (!resets && Serve(*link, sockets)) {
        ++link;
        continue;
      }
      Break(*link);
      link = links_.erase(link);
    }
    if (Has(sockets, listener_, POLLIN)) Accept();
  }
}

void LinkProxy::Watch(std::vector<pollfd>* sockets, int* timeout_ms) const {
  sockets->push_back({waker_, POLLIN, 0});
  sockets->push_back({listener_, POLLIN, 0});
  const env::Instant now = clock_.Now();
  for (const Link& link : links_) {
    for (const Pipe* pipe : {&link.there, &link.back}) {
      if (!pipe->has_ended && pipe->waiting_bytes < kMaxWaiting) {
        sockets->push_back({pipe->from, POLLIN, 0});
      }
      if (pipe->waiting.empty()) continue;
      if (pipe->waiting.front().due <= now) {
        sockets->push_back({pipe->to, POLLOUT, 0});
        continue;
      }
      const auto wait =
          std::chrono::ceil<std::chrono::milliseconds>(pipe->waiting.front().due - now);
      const int wait_ms = static_cast<int>(wait.count());
      *timeout_ms = *timeout_ms < 0 ? wait_ms : std::min(*timeout_ms, wait_ms);
    }
  }
}

bool LinkProxy::Serve(Link& link, const std::vector<pollfd>& sockets) {
  for (Pipe* pipe : {&link.there, &link.back}) {
    if (!pipe->has_ended && Has(sockets, pipe->from, POLLIN) && !Receive(link, *pipe)) return false;
    if (!Send(*pipe)) return false;
  }
  return !(link.there.has_ended && link.back.has_ended && link.there.waiting.empty() &&
           link.back.waiting.empty());
}

bool LinkProxy::Receive(Link& link, Pipe& pipe) {
  std::string bytes(kPiece, '\0');
  const ssize_t length = recv(pipe.from, bytes.data(), bytes.size(), 0);
  if (length < 0) return WouldWait();
  if (length == 0) {
    pipe.has_ended = true;
    if (pipe.waiting.empty()) shutdown(pipe.to, SHUT_WR);
    return true;
  }
  bytes.resize(static_cast<size_t>(length));
  if (now_.corrupted > 0 && may_corrupt_(link.peer) && random_.Chance(now_.corrupted)) {
    bytes[random_.Uniform(bytes.size())] ^= static_cast<char>(1 << random_.Uniform(8));
    MutexLock lock(mutex_);
    ++corrupted_;
  }
  const auto delay =
      std::chrono::milliseconds(random_.Between(static_cast<uint64_t>(now_.delay_min.count()),
                                                static_cast<uint64_t>(now_.delay_max.count())));
  env::Instant due = clock_.Now() + delay;
  // A connection keeps its order.
  if (!pipe.waiting.empty()) due = std::max(due, pipe.waiting.back().due);
  pipe.waiting_bytes += bytes.size();
  pipe.waiting.push_back({due, std::move(bytes)});
  return true;
}

bool LinkProxy::Send(Pipe& pipe) {
  while (!pipe.waiting.empty() && pipe.waiting.front().due <= clock_.Now()) {
    std::string& bytes = pipe.waiting.front().bytes;
    const ssize_t length = send(pipe.to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (length < 0) return WouldWait();
    pipe.waiting_bytes -= static_cast<size_t>(length);
    bytes.erase(0, static_cast<size_t>(length));
    if (!bytes.empty()) return true;
    pipe.waiting.pop_front();
    if (pipe.waiting.empty() && pipe.has_ended) shutdown(pipe.to, SHUT_WR);
  }
  return true;
}

void LinkProxy::Accept() {
  sockaddr_in from{};
  socklen_t length = sizeof(from);
  const int peer =
      accept4(listener_, reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (peer < 0) return;
  const int target = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const sockaddr_in address = AddressOf(target_address_, target_port_);
  const int yes = 1;
  setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  setsockopt(target, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  Link link;
  link.there.from = link.back.to = peer;
  link.there.to = link.back.from = target;
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &from.sin_addr, text, sizeof(text));
  link.peer = text;
  if (connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
      errno != EINPROGRESS) {
    return Break(link);
  }
  links_.push_back(std::move(link));
}

void LinkProxy::Break(Link& link) {
  for (const int socket : {link.there.from, link.there.to}) {
    // Closed such, the other end gets a reset.
    const linger at_once{1, 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(socket);
  }
}

}  // namespace flotilla::chaos
