#include "common/rpc/http_server.h"

#include <fmt/format.h>
#include <httplib.h>

#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/rpc/http_task_queue.h"

namespace flotilla::rpc {
namespace {

httplib::Server::Handler Adapt(HttpHandler handler) {
  return [handler = std::move(handler)](const httplib::Request& in, httplib::Response& out) {
    HttpRequest request;
    request.path = in.path;
    for (size_t i = 1; i < in.matches.size(); ++i) request.captures.push_back(in.matches[i].str());
    for (const auto& [name, value] : in.params) request.query.emplace(name, value);
    request.body = in.body;
    HttpResponse response = handler(request);
    out.status = response.status;
    out.set_content(std::move(response.body), response.content_type);
  };
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpServerOptions options) : options_(std::move(options)) {
    server_.new_task_queue = [this] {
      return new HttpTaskQueue(options_.threads, options_.max_waiting_connections);
    };
    server_.set_keep_alive_timeout(options_.keep_alive_seconds);
    server_.set_payload_max_length(options_.max_body_bytes);
    // The library's default would let a second process share the port.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
  }

  absl::Status Start() {
    const size_t colon = options_.listen_address.rfind(':');
    int port = 0;
    if (colon == std::string::npos ||
        !absl::SimpleAtoi(options_.listen_address.substr(colon + 1), &port) || port < 0 ||
        port > 65535) {
      return absl::InvalidArgumentError(
          ToAbsl(fmt::format("{} is not host:port", options_.listen_address)));
    }
    const std::string host = options_.listen_address.substr(0, colon);
    if (port == 0) {
      port_ = server_.bind_to_any_port(host);
    } else {
      port_ = server_.bind_to_port(host, port) ? port : -1;
    }
    if (port_ <= 0) {
      return absl::UnavailableError(
          ToAbsl(fmt::format("cannot listen on {}: is it in use?", options_.listen_address)));
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // The library's stop does nothing before it listens.
    while (!server_.is_running()) std::this_thread::yield();
    return absl::OkStatus();
  }

  void Stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

  httplib::Server& server() {
    CHECK(!thread_.joinable()) << "routes are added before Start";
    return server_;
  }
  int port() const { return port_; }

 private:
  const HttpServerOptions options_;
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

HttpServer::HttpServer(HttpServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Get(const std::string& pattern, HttpHandler handler) {
  impl_->server().Get(pattern, Adapt(std::move(handler)));
}

void HttpServer::Post(const std::string& pattern, HttpHandler handler) {
  impl_->server().Post(pattern, Adapt(std::move(handler)));
}

void HttpServer::Delete(const std::string& pattern, HttpHandler handler) {
  impl_->server().Delete(pattern, Adapt(std::move(handler)));
}

void HttpServer::AddMetrics(const metrics::Registry* registry) {
  Get("/metrics", [registry](const HttpRequest&) {
    return HttpResponse{200, registry->ToText(), "text/plain; version=0.0.4"};
  });
}

absl::Status HttpServer::Start() { return impl_->Start(); }
int HttpServer::port() const { return impl_->port(); }
void HttpServer::Stop() { impl_->Stop(); }

}  // namespace flotilla::rpc
