// Bytes on a connection to the HTTP server, with routes of every kind. The server answers and goes
// on: after each input a well-formed request gets its answer.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "common/base/check.h"
#include "common/metrics/registry.h"
#include "common/rpc/file_descriptor.h"
#include "common/rpc/http_server.h"
#include "tests/fuzz/fuzz_target.h"

namespace flotilla::fuzz {
namespace {

// For an answer to an input, which may be none, and to a well-formed request.
constexpr int kShortPatienceMs = 5;
constexpr int kLongPatienceMs = 10'000;

class HttpTarget final : public FuzzTarget {
 public:
  HttpTarget() : server_({.keep_alive_seconds = 1, .max_body_bytes = 1024}) {
    server_.AddMetrics(&metrics_);
    const auto echo = [](const rpc::HttpRequest& request) {
      rpc::HttpResponse response;
      for (const std::string& capture : request.captures) response.body += capture;
      for (const auto& [name, value] : request.query) response.body += name + value;
      response.body += request.body;
      CHECK_LE(request.body.size(), 1024u);
      return response;
    };
    server_.Get("/status", echo);
    server_.Get("/region/([0-9]+)/(.*)", echo);
    server_.Post("/region", echo);
    server_.Delete("/region/([0-9]+)", echo);
    CHECK_OK(server_.Start());
  }

  void Run(std::string_view input) override {
    Ask(input, kShortPatienceMs);
    const std::string answer = Ask("GET /status HTTP/1.0\r\n\r\n", kLongPatienceMs);
    CHECK(answer.starts_with("HTTP/1.")) << "it answers no more: " << answer;
  }

  std::vector<std::string> Seeds() const override {
    return {"GET /status?a=b&c=%20d&a HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /metrics HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n",
            "GET /region/12/a%2fb HTTP/1.1\r\nRange: bytes=0-1,3-\r\n\r\n",
            "POST /region HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody",
            "POST /region HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
            "POST /region HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            "Content-Length: 60\r\n\r\n--x\r\nContent-Disposition: form-data; "
            "name=\"a\"\r\n\r\n1\r\n--x--",
            "POST /region HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 99999\r\n\r\n",
            "DELETE /region/1 HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n"};
  }

 private:
  // What the server answers to a connection that says this and no more.
  std::string Ask(std::string_view bytes, int patience_ms) {
    const rpc::FileDescriptor connection(::socket(AF_INET, SOCK_STREAM, 0));
    CHECK(connection.valid());
    const int socket = connection.get();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_.port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    // The server may close early; then the rest does not matter.
    while (!bytes.empty()) {
      const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    // The server writes nothing to who says no more, so the end is told only when it had time.
    std::string answer = Receive(socket, patience_ms);
    shutdown(socket, SHUT_WR);
    for (std::string more = Receive(socket, patience_ms); !more.empty();
         more = Receive(socket, patience_ms))
      answer += more;
    return answer;
  }

  // What has come and what comes soon; empty: nothing, or the end.
  static std::string Receive(int socket, int patience_ms) {
    pollfd readable{.fd = socket, .events = POLLIN, .revents = 0};
    int ready = 0;
    do {
      ready = poll(&readable, 1, patience_ms);
    } while (ready < 0 && errno == EINTR);  // The fuzzer's alarm clock.
    if (ready <= 0) return "";
    char block[4096];
    const ssize_t got = recv(socket, block, sizeof(block), 0);
    return got <= 0 ? "" : std::string(block, static_cast<size_t>(got));
  }

  metrics::Registry metrics_;
  rpc::HttpServer server_;
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeHttpTarget() { return std::make_unique<HttpTarget>(); }

}  // namespace flotilla::fuzz
