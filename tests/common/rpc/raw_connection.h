// A TCP connection that speaks just enough HTTP/2 (RFC 9113) to begin and to ping, sends any other
// frame that it is told to, and nothing else.
#ifndef FLOTILLA_TESTS_COMMON_RPC_RAW_CONNECTION_H_
#define FLOTILLA_TESTS_COMMON_RPC_RAW_CONNECTION_H_

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/common/rpc/loopback.h"

namespace flotilla::rpc {

class RawConnection {
 public:
  static constexpr uint8_t kHeaders = 1, kResetStream = 3, kSettings = 4, kPing = 6, kGoAway = 7,
                           kContinuation = 9;
  static constexpr uint8_t kAck = 1, kEndHeaders = 4;
  struct Frame {
    uint8_t type;
    uint8_t flags;
  };

  enum class Family : sa_family_t { kIPv4 = AF_INET, kIPv6 = AF_INET6 };

  // A socket that is not connected yet.
  explicit RawConnection(Family family = Family::kIPv4)
      : family_(family), socket_(socket(static_cast<int>(family), SOCK_STREAM, 0)) {
    SetReceiveTimeout(kTestDeadline);
  }
  // Connected over loopback, from an address of the client's choice.
  explicit RawConnection(int port, const char* source = "127.0.0.1") : RawConnection() {
    sockaddr_in from = {};
    from.sin_family = AF_INET;
    inet_pton(AF_INET, source, &from.sin_addr);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&from), sizeof(from)), 0);
    EXPECT_TRUE(Connect(port));
  }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  ~RawConnection() { close(socket_); }

  [[nodiscard]] bool Connect(int port) {
    if (family_ == Family::kIPv6) {
      sockaddr_in6 address = {};
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(static_cast<uint16_t>(port));
      address.sin6_addr = in6addr_loopback;
      return connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    }
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }

  // Begins HTTP/2. True when the server does so too: it has taken the connection.
  [[nodiscard]] bool SayHello() {
    return Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") && SendFrame(kSettings, "") &&
           Receive().has_value();
  }
  // False when the server has closed the connection, or does not read what is sent.
  bool SendFrame(uint8_t type, const std::string& payload, uint8_t flags = 0, uint32_t stream = 0) {
    return Send(FrameHead(type, payload.size(), flags, stream) + payload);
  }
  // What stands in front of a frame's payload.
  static std::string FrameHead(uint8_t type, size_t payload_bytes, uint8_t flags, uint32_t stream) {
    std::string head;
    for (const int shift : {16, 8, 0}) head += static_cast<char>(payload_bytes >> shift);
    head += static_cast<char>(type);
    head += static_cast<char>(flags);
    for (const int shift : {24, 16, 8, 0}) head += static_cast<char>(stream >> shift);
    return head;
  }
  // As it is. False as for SendFrame.
  bool Send(const std::string& bytes) {
    return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // Nothing when the connection ends or is silent for too long.
  std::optional<Frame> Receive() {
    std::string header(9, '\0');
    if (!ReadAll(&header)) return std::nullopt;
    const auto at = [&](int i) { return static_cast<uint8_t>(header[i]); };
    std::string payload(at(0) << 16 | at(1) << 8 | at(2), '\0');
    if (!ReadAll(&payload)) return std::nullopt;
    return Frame{at(3), at(4)};
  }
  // True when a ping is answered.
  [[nodiscard]] bool Ping() {
    if (!SendFrame(kPing, "12345678")) return false;
    // The server's own settings and pings may come in between.
    while (const std::optional<Frame> frame = Receive()) {
      if (frame->type == kPing && frame->flags == kAck) return true;
    }
    return false;
  }
  // True once the server has closed the connection; false when it does not within the deadline.
  // What it sends until then is read and forgotten.
  [[nodiscard]] bool AwaitClose() {
    char bytes[512];
    while (true) {
      const ssize_t got = recv(socket_, bytes, sizeof(bytes), 0);
      if (got == 0) return true;
      if (got < 0) return errno == ECONNRESET || errno == EPIPE;
    }
  }

  // For what is sent while the server does not read; by default for ever.
  void SetSendTimeout(std::chrono::milliseconds timeout) {
    const timeval value = {timeout.count() / 1000, timeout.count() % 1000 * 1000};
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof(value));
  }
  void SetReceiveTimeout(std::chrono::milliseconds timeout) {
    const timeval value = {timeout.count() / 1000, timeout.count() % 1000 * 1000};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof(value));
  }

 private:
  bool ReadAll(std::string* bytes) {
    return bytes->empty() || recv(socket_, bytes->data(), bytes->size(), MSG_WAITALL) ==
                                 static_cast<ssize_t>(bytes->size());
  }

  const Family family_;
  const int socket_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_TESTS_COMMON_RPC_RAW_CONNECTION_H_
