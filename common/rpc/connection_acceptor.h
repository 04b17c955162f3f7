// The door of a server: listens, takes connections in, and turns those away that are too many.
// Internal to common/rpc.
//
// One thread of its own. A connection over a limit is closed at once, so that its client hears of
// it and backs off. So is one for which the process has no file descriptor left: the acceptor keeps
// a spare one for that, because a connection that waits would wake it for ever. What is refused is
// counted, and told in the log once in some seconds.
//
//   ConnectionAcceptor acceptor(options, &clock, &registry);
//   RETURN_IF_ERROR(acceptor.Listen("127.0.0.1:0"));
//   acceptor.Start([](int fd) { ... });
//   acceptor.Stop();
#ifndef FLOTILLA_COMMON_RPC_CONNECTION_ACCEPTOR_H_
#define FLOTILLA_COMMON_RPC_CONNECTION_ACCEPTOR_H_

#include <sys/socket.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"
#include "common/rpc/connection_table.h"
#include "common/rpc/file_descriptor.h"
#include "common/rpc/listen_socket.h"

namespace flotilla::rpc {

struct ConnectionAcceptorOptions {
  // The metrics' label `server`.
  std::string name;
  size_t max_connections = 0;
  // Of one address (CountedAddress).
  size_t max_per_address = 0;
  // A connection whose peer acknowledges nothing that was sent for so long is broken.
  env::Duration unacknowledged_timeout{};
};

class ConnectionAcceptor {
 public:
  // Takes the connection, and closes it in the end.
  using Handler = std::function<void(int fd)>;

  ConnectionAcceptor(ConnectionAcceptorOptions options, const env::Clock* clock,
                     metrics::Registry* registry);
  // Stops first.
  ~ConnectionAcceptor();
  ConnectionAcceptor(const ConnectionAcceptor&) = delete;
  ConnectionAcceptor& operator=(const ConnectionAcceptor&) = delete;

  // From here on clients can connect; they wait for Start. See rpc::Listen for the address and the
  // errors.
  absl::Status Listen(const std::string& address);
  // REQUIRES: Listen succeeded.
  int port() const { return listening_.port; }

  // `handler` runs on the acceptor's thread. Call once, after Listen.
  void Start(Handler handler);
  // Once it returns, connecting is refused and the handler is not called any more. Idempotent.
  void Stop();

 private:
  enum class Reason { kLimit, kAddressLimit, kFiles };
  enum class Outcome { kTookOne, kNoneLeft, kCannot };
  // What is told of the connections that are turned away for one reason.
  struct Refusals {
    metrics::Counter* total;
    size_t untold = 0;
    std::optional<env::Instant> told_at;
  };

  void Run();
  // False when Stop was called.
  bool AwaitConnections();
  void AcceptSome(int socket);
  Outcome AcceptOne(int socket);
  // No descriptor is left: takes a connection with the spare one, and closes it.
  Outcome RefuseWithSpare(int socket);
  void Admit(FileDescriptor fd, const sockaddr_storage& peer);
  ConnectionTable::Room MakeRoomFor(const std::string& address);
  void Prune();
  void Refuse(Reason reason, const std::string& peer);

  const ConnectionAcceptorOptions options_;
  const env::Clock* const clock_;
  metrics::Gauge& open_;
  ListenSockets listening_;
  // Written to when it is time to stop.
  FileDescriptor stop_event_;
  std::thread thread_;

  // The acceptor's thread only.
  Handler handler_;
  ConnectionTable table_;
  Refusals refusals_[3];
  FileDescriptor spare_;
  env::Instant prune_not_before_{};
  // After an error that only time can cure.
  env::Instant paused_until_{};
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_CONNECTION_ACCEPTOR_H_
