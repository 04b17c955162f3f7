#include "common/rpc/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <string>

namespace flotilla::rpc {
namespace {

using ::testing::HasSubstr;

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(HttpServer* server) {
    const absl::Status status = server->Start();
    ASSERT_TRUE(status.ok()) << status;
  }
};

TEST_F(HttpServerTest, RoutesWithCapturesAndQuery) {
  HttpServer server({});
  server.Get("/region/(\\d+)", [](const HttpRequest& request) {
    return HttpResponse{200, request.captures.at(0) + " " + request.query.at("full")};
  });
  server.Post("/echo", [](const HttpRequest& request) {
    return HttpResponse{201, request.body, "text/plain"};
  });
  Start(&server);
  httplib::Client client("127.0.0.1", server.port());
  const auto region = client.Get("/region/17?full=yes");
  ASSERT_TRUE(region);
  EXPECT_EQ(region->status, 200);
  EXPECT_EQ(region->body, "17 yes");
  EXPECT_EQ(region->get_header_value("Content-Type"), "application/json");
  const auto echo = client.Post("/echo", "hello", "text/plain");
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->status, 201);
  EXPECT_EQ(echo->body, "hello");
  EXPECT_EQ(client.Get("/nowhere")->status, 404);
}

TEST_F(HttpServerTest, Metrics) {
  metrics::Registry registry;
  registry.AddCounter("flotilla_test_things_total", "Things").Increment(3);
  HttpServer server({});
  server.AddMetrics(&registry);
  Start(&server);
  const auto metrics = httplib::Client("127.0.0.1", server.port()).Get("/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_THAT(metrics->body, HasSubstr("flotilla_test_things_total 3"));
}

TEST_F(HttpServerTest, BodyOverTheLimitIsRefused) {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  HttpServer server(options);
  server.Post("/", [](const HttpRequest&) { return HttpResponse{}; });
  Start(&server);
  httplib::Client client("127.0.0.1", server.port());
  EXPECT_EQ(client.Post("/", std::string(1000, 'x'), "text/plain")->status, 200);
  EXPECT_EQ(client.Post("/", std::string(1001, 'x'), "text/plain")->status, 413);
}

TEST_F(HttpServerTest, PortInUseAndBadAddressAreRefused) {
  HttpServer first({});
  Start(&first);
  HttpServerOptions options;
  options.listen_address = "127.0.0.1:" + std::to_string(first.port());
  HttpServer second(options);
  EXPECT_TRUE(absl::IsUnavailable(second.Start()));
  for (const char* bad : {"localhost", "127.0.0.1:x", "127.0.0.1:70000"}) {
    options.listen_address = bad;
    EXPECT_TRUE(absl::IsInvalidArgument(HttpServer(options).Start())) << bad;
  }
}

TEST_F(HttpServerTest, StopTwiceAndWithoutStart) {
  HttpServer never({});
  never.Stop();
  HttpServer server({});
  Start(&server);
  server.Stop();
  server.Stop();
}

}  // namespace
}  // namespace flotilla::rpc
