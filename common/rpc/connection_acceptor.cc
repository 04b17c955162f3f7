// A round: wait for a connection, take some, look once in a while which have ended.

#include "common/rpc/connection_acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"

namespace flotilla::rpc {
namespace {

// Taken from one socket before the others have their turn.
constexpr int kAcceptsARound = 64;
// The gauge follows connections that end by so much at most.
constexpr env::Duration kPruneInterval = std::chrono::seconds(1);
// Looking at all connections costs at most one part in so many of a core: 10,000 connections are
// looked at in about 5 ms, so ten times a second while connections are turned away.
constexpr int kPruneShare = 20;
// After an error of accept that only time can cure, such as a lack of memory.
constexpr env::Duration kPause = std::chrono::milliseconds(100);
constexpr env::Duration kTellInterval = std::chrono::seconds(5);

constexpr char kReasonLabels[][14] = {"limit", "address_limit", "files"};

FileDescriptor OpenSpare() { return FileDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

int Millis(env::Duration duration) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

// What a listening socket of gRPC's own hands down to its connections.
void SetOptions(int fd, env::Duration unacknowledged_timeout) {
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  const int timeout_ms = Millis(unacknowledged_timeout);
  if (timeout_ms > 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
  }
}

}  // namespace

ConnectionAcceptor::ConnectionAcceptor(ConnectionAcceptorOptions options, const env::Clock* clock,
                                       metrics::Registry* registry)
    : options_(std::move(options)),
      clock_(clock),
      open_(registry->AddGauge("flotilla_rpc_connections", "Connections that are open",
                               {{"server", options_.name}})),
      table_(options_.max_connections, options_.max_per_address) {
  for (size_t reason = 0; reason < std::size(refusals_); ++reason) {
    refusals_[reason].total =
        &registry->AddCounter("flotilla_rpc_connections_refused_total",
                              "Connections that were closed because there were too many",
                              {{"server", options_.name}, {"reason", kReasonLabels[reason]}});
  }
}

ConnectionAcceptor::~ConnectionAcceptor() { Stop(); }

absl::Status ConnectionAcceptor::Listen(const std::string& address) {
  absl::StatusOr<ListenSockets> listening = rpc::Listen(address);
  if (!listening.ok()) return listening.status();
  listening_ = *std::move(listening);
  spare_ = OpenSpare();
  stop_event_ = FileDescriptor(eventfd(0, EFD_CLOEXEC));
  if (spare_.valid() && stop_event_.valid()) return absl::OkStatus();
  return absl::UnavailableError("cannot listen: the process has no file descriptor left");
}

void ConnectionAcceptor::Start(Handler handler) {
  CHECK(!thread_.joinable() && !listening_.sockets.empty());
  handler_ = std::move(handler);
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "rpc-accept");
}

void ConnectionAcceptor::Stop() {
  if (thread_.joinable()) {
    CHECK(eventfd_write(stop_event_.get(), 1) == 0);
    thread_.join();
  }
  listening_.sockets.clear();
}

void ConnectionAcceptor::Run() {
  while (AwaitConnections()) {
    if (clock_->Now() >= paused_until_) {
      for (const FileDescriptor& socket : listening_.sockets) AcceptSome(socket.get());
    }
    if (clock_->Now() >= prune_not_before_ + kPruneInterval) Prune();
  }
}

bool ConnectionAcceptor::AwaitConnections() {
  const env::Instant now = clock_->Now();
  std::vector<pollfd> polled = {{stop_event_.get(), POLLIN, 0}};
  env::Instant until = prune_not_before_ + kPruneInterval;
  if (now < paused_until_) {
    until = std::min(until, paused_until_);
  } else {
    for (const FileDescriptor& socket : listening_.sockets) {
      polled.push_back({socket.get(), POLLIN, 0});
    }
  }
  poll(polled.data(), polled.size(), Millis(std::max(until - now, env::Duration(0))));
  return polled.front().revents == 0;
}

void ConnectionAcceptor::AcceptSome(int socket) {
  for (int i = 0; i < kAcceptsARound; ++i) {
    const Outcome outcome = AcceptOne(socket);
    if (outcome == Outcome::kCannot) paused_until_ = clock_->Now() + kPause;
    if (outcome != Outcome::kTookOne) break;
  }
  open_.Set(static_cast<double>(table_.size()));
}

ConnectionAcceptor::Outcome ConnectionAcceptor::AcceptOne(int socket) {
  sockaddr_storage peer = {};
  socklen_t length = sizeof(peer);
  FileDescriptor fd(
      accept4(socket, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.valid()) {
    Admit(std::move(fd), peer);
    return Outcome::kTookOne;
  }
  switch (errno) {
    case EAGAIN:
      return Outcome::kNoneLeft;
    case EMFILE:
    case ENFILE:
      return RefuseWithSpare(socket);
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
      // The connection broke before it was taken.
      return Outcome::kTookOne;
    default:
      return Outcome::kCannot;
  }
}

ConnectionAcceptor::Outcome ConnectionAcceptor::RefuseWithSpare(int socket) {
  // Another thread may have been quicker than the last attempt to have it back.
  if (!spare_.valid()) spare_ = OpenSpare();
  if (!spare_.valid()) return Outcome::kCannot;
  spare_.Reset();
  sockaddr_storage peer = {};
  socklen_t length = sizeof(peer);
  FileDescriptor fd(
      accept4(socket, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const bool none_left = !fd.valid() && errno == EAGAIN;
  const bool taken = fd.valid();
  fd.Reset();
  spare_ = OpenSpare();
  if (taken) Refuse(Reason::kFiles, AddressText(peer));
  if (none_left) return Outcome::kNoneLeft;
  return taken ? Outcome::kTookOne : Outcome::kCannot;
}

void ConnectionAcceptor::Admit(FileDescriptor fd, const sockaddr_storage& peer) {
  const std::string address = CountedAddress(peer);
  const ConnectionTable::Room room = MakeRoomFor(address);
  if (room != ConnectionTable::Room::kYes) {
    fd.Reset();
    Refuse(room == ConnectionTable::Room::kFull ? Reason::kLimit : Reason::kAddressLimit,
           AddressText(peer));
    return;
  }
  SetOptions(fd.get(), options_.unacknowledged_timeout);
  table_.Add(fd.get(), address);
  handler_(fd.Release());
}

ConnectionTable::Room ConnectionAcceptor::MakeRoomFor(const std::string& address) {
  const ConnectionTable::Room room = table_.RoomFor(address);
  if (room == ConnectionTable::Room::kYes || clock_->Now() < prune_not_before_) return room;
  Prune();
  return table_.RoomFor(address);
}

void ConnectionAcceptor::Prune() {
  const env::Instant begin = clock_->Now();
  table_.Prune();
  const env::Instant end = clock_->Now();
  prune_not_before_ = end + (end - begin) * kPruneShare;
  open_.Set(static_cast<double>(table_.size()));
}

void ConnectionAcceptor::Refuse(Reason reason, const std::string& peer) {
  Refusals& refusals = refusals_[static_cast<size_t>(reason)];
  refusals.total->Increment();
  ++refusals.untold;
  const env::Instant now = clock_->Now();
  if (refusals.told_at.has_value() && now < *refusals.told_at + kTellInterval) return;
  std::string why;
  switch (reason) {
    case Reason::kLimit:
      why = fmt::format("{} connections are open, the limit is server.max-connections",
                        options_.max_connections);
      break;
    case Reason::kAddressLimit:
      why = fmt::format(
          "{} connections of its address are open, the limit is "
          "server.max-connections-per-address",
          options_.max_per_address);
      break;
    case Reason::kFiles:
      why = fmt::format("the process has no file descriptor left, with {} connections",
                        table_.size());
      break;
  }
  LOG_WARN("connection of {} refused: {} ({} refused since the last such line)", peer, why,
           refusals.untold);
  refusals.untold = 0;
  refusals.told_at = now;
}

}  // namespace flotilla::rpc
