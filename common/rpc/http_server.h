// A small HTTP server for people and their tools: metrics, status, administration. Not for data.
//
// Routes are added before Start. Handlers run on the server's own few threads, may block for a
// short while, and must be thread-safe.
#ifndef FLOTILLA_COMMON_RPC_HTTP_SERVER_H_
#define FLOTILLA_COMMON_RPC_HTTP_SERVER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/metrics/registry.h"

namespace flotilla::rpc {

struct HttpRequest {
  std::string path;
  // What the groups of the route's pattern matched.
  std::vector<std::string> captures;
  // The first value of each parameter of the query.
  std::map<std::string, std::string> query;
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpServerOptions {
  // host:port; port 0 takes any free one.
  std::string listen_address = "127.0.0.1:0";
  // Requests that are served at the same time; each connection that is kept open holds one for up
  // to `keep_alive_seconds`.
  int threads = 4;
  int keep_alive_seconds = 2;
  // Accepted connections that wait for a thread; more are not accepted until one is free.
  size_t max_waiting_connections = 64;
  size_t max_body_bytes = 1 << 20;
};

class HttpServer {
 public:
  explicit HttpServer(HttpServerOptions options);
  // Stops first.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // `pattern`: a regular expression that must match the whole path.
  void Get(const std::string& pattern, HttpHandler handler);
  void Post(const std::string& pattern, HttpHandler handler);
  void Delete(const std::string& pattern, HttpHandler handler);
  // GET /metrics in Prometheus' text format. `registry` must outlive the server.
  void AddMetrics(const metrics::Registry* registry);

  // Unavailable when the address cannot be listened on.
  absl::Status Start();
  // REQUIRES: started.
  int port() const;
  // Returns when no handler runs any more. Idempotent.
  void Stop();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_HTTP_SERVER_H_
