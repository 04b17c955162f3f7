// Unary calls over loopback: answers from any thread, errors, limits, deadlines, shutdown.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "common/rpc/client_call.h"
#include "common/rpc/not_executed.h"
#include "grpc/health.pb.h"
#include "tests/common/rpc/loopback.h"
#include "tikv/kvrpcpb.pb.h"
#include "tikv/tikvpb.pb.h"

namespace flotilla::rpc {
namespace {

using ::testing::HasSubstr;

// Answers a get with its key; what the key says besides is in the tests.
class EchoApi {
 public:
  void RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response, Done done) {
    if (request.key() == "fail") {
      std::move(done)(absl::InvalidArgumentError("the key is \"fail\""));
    } else if (request.key() == "hold") {
      held_.Update([&](auto& held) { held.push_back(std::move(done)); });
    } else {
      allowed_ms_.Set(request.context().max_execution_duration_ms());
      response->set_value(request.key());
      std::move(done)(absl::OkStatus());
    }
  }

  void RawPut(const kvrpcpb::RawPutRequest& request, kvrpcpb::RawPutResponse* /*response*/,
              Done done) {
    put_bytes_.Set(request.value().size());
    std::move(done)(absl::OkStatus());
  }

  // Waits until `count` calls are held.
  [[nodiscard]] bool WaitForHeld(size_t count) {
    return held_.WaitUntil([&](const auto& held) { return held.size() >= count; });
  }
  void AnswerHeld() {
    held_.Update([](auto& held) {
      for (Done& done : held) std::move(done)(absl::OkStatus());
      held.clear();
    });
  }

  Box<size_t> put_bytes_;
  Box<uint64_t> allowed_ms_;

 private:
  Box<std::vector<Done>> held_;
};

using GetResult = absl::StatusOr<kvrpcpb::RawGetResponse>;

class UnaryTest : public ::testing::Test {
 protected:
  void StartServer(const ServerOptions& options = {}) {
    // Links the .proto that declares the service.
    ASSERT_NE(tikvpb::BatchCommandsRequest::descriptor(), nullptr);
    server_ = std::make_unique<TestServer>(options);
    server_->server().Bind("tikvpb.Tikv/RawGet", &EchoApi::RawGet, &api_);
    server_->server().Bind("tikvpb.Tikv/RawPut", &EchoApi::RawPut, &api_);
    server_->Start();
    channel_ = client_.pool().Get(server_->address());
  }

  Box<std::vector<GetResult>> StartGet(const std::string& key, CallOptions options = {}) {
    Box<std::vector<GetResult>> results;
    kvrpcpb::RawGetRequest request;
    request.set_key(key);
    CallUnary<kvrpcpb::RawGetResponse>(
        &client_.loop(), channel_, "tikvpb.Tikv/RawGet", request, options,
        [results](GetResult result) mutable {
          results.Update([&](auto& all) { all.push_back(std::move(result)); });
        });
    return results;
  }

  GetResult Await(const Box<std::vector<GetResult>>& results) {
    if (!results.WaitUntil([](const auto& all) { return !all.empty(); })) {
      return absl::InternalError("the test's deadline is over");
    }
    return results.Get().front();
  }

  GetResult Get(const std::string& key, CallOptions options = {}) {
    return Await(StartGet(key, options));
  }

  absl::Status Put(size_t value_bytes) {
    Box<std::vector<absl::Status>> results;
    kvrpcpb::RawPutRequest request;
    request.set_value(std::string(value_bytes, 'v'));
    CallUnary<kvrpcpb::RawPutResponse>(
        &client_.loop(), channel_, "tikvpb.Tikv/RawPut", request, {},
        [results](absl::StatusOr<kvrpcpb::RawPutResponse> result) mutable {
          results.Update([&](auto& all) { all.push_back(result.status()); });
        });
    EXPECT_TRUE(results.WaitUntil([](const auto& all) { return !all.empty(); }));
    return results.Get().front();
  }

  EchoApi api_;
  std::unique_ptr<TestServer> server_;
  TestClient client_;
  std::shared_ptr<Channel> channel_;
};

TEST_F(UnaryTest, AnswersAndErrorsComeBack) {
  StartServer();
  const GetResult ok = Get("key");
  ASSERT_TRUE(ok.ok()) << ok.status();
  EXPECT_EQ(ok->value(), "key");
  const GetResult failed = Get("fail");
  EXPECT_TRUE(absl::IsInvalidArgument(failed.status())) << failed.status();
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("\"fail\""));
}

TEST_F(UnaryTest, MethodsThatAreNotBoundAreUnimplemented) {
  StartServer();
  Box<absl::Status> status;
  CallUnary<kvrpcpb::RawScanResponse>(
      &client_.loop(), channel_, "tikvpb.Tikv/RawScan", kvrpcpb::RawScanRequest(), {},
      [status](absl::StatusOr<kvrpcpb::RawScanResponse> result) mutable {
        status.Set(result.status());
      });
  ASSERT_TRUE(status.WaitUntil([](const absl::Status& s) { return !s.ok(); }));
  EXPECT_TRUE(absl::IsUnimplemented(status.Get())) << status.Get();
}

TEST_F(UnaryTest, ManyAtOnceAnsweredFromAnotherThread) {
  StartServer();
  constexpr size_t kCalls = 500;
  std::vector<Box<std::vector<GetResult>>> results;
  for (size_t i = 0; i < kCalls; ++i) results.push_back(StartGet("hold"));
  ASSERT_TRUE(api_.WaitForHeld(kCalls));
  std::thread answering([this] { api_.AnswerHeld(); });
  answering.join();
  for (const auto& result : results) EXPECT_TRUE(Await(result).ok());
  EXPECT_THAT(server_->registry().ToText(),
              HasSubstr("flotilla_rpc_requests_total{method=\"tikvpb.Tikv/RawGet\",server="
                        "\"server\"} 500"));
}

TEST_F(UnaryTest, TooManyAtOnceAreRefusedAndTheRestServed) {
  ServerOptions options;
  options.max_unary_calls = 3;
  StartServer(options);
  std::vector<Box<std::vector<GetResult>>> held;
  for (int i = 0; i < 3; ++i) held.push_back(StartGet("hold"));
  ASSERT_TRUE(api_.WaitForHeld(3));
  const GetResult refused = Get("key");
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("more than 3 calls"));
  EXPECT_TRUE(WasNotExecuted(refused.status()));
  api_.AnswerHeld();
  for (const auto& result : held) EXPECT_TRUE(Await(result).ok());
  EXPECT_TRUE(Get("key").ok());
}

TEST_F(UnaryTest, MessagesOverTheLimitAreRefused) {
  ServerOptions options;
  options.max_receive_bytes = 1 << 20;
  StartServer(options);
  EXPECT_TRUE(Put(1000 * 1000).ok());
  EXPECT_EQ(api_.put_bytes_.Get(), 1000u * 1000u);
  const absl::Status refused = Put(2 << 20);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(api_.put_bytes_.Get(), 1000u * 1000u);
}

TEST_F(UnaryTest, LargeMessagesFitTheDefaultLimit) {
  StartServer();
  EXPECT_TRUE(Put(20 << 20).ok());
  EXPECT_EQ(api_.put_bytes_.Get(), 20u << 20);
}

TEST_F(UnaryTest, DeadlineOfTheClientHolds) {
  StartServer();
  CallOptions options;
  // Long enough for the call to be there in time.
  options.timeout = std::chrono::milliseconds(500);
  const GetResult late = Get("hold", options);
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.status())) << late.status();
  // An answer to a call that nobody waits for any more does no harm.
  ASSERT_TRUE(api_.WaitForHeld(1));
  api_.AnswerHeld();
  EXPECT_TRUE(Get("key").ok());
}

TEST_F(UnaryTest, HandlersFindTheDeadlineInTheRequestsContext) {
  StartServer();
  CallOptions options;
  options.timeout = std::chrono::seconds(10);
  ASSERT_TRUE(Get("key", options).ok());
  EXPECT_GT(api_.allowed_ms_.Get(), 9'000u);
  // gRPC rounds the time that is left up, to tenths of a second from ten seconds on: what is 10,001
  // ms when it is written is 10,100 on the wire.
  EXPECT_LE(api_.allowed_ms_.Get(), 10'100u);
}

TEST(LimitExecutionTest, TheSoonerOfTwoDeadlinesHolds) {
  kvrpcpb::Context context;
  LimitExecution(context, std::chrono::microseconds(1500));
  EXPECT_EQ(context.max_execution_duration_ms(), 2u);
  LimitExecution(context, std::chrono::seconds(1));
  EXPECT_EQ(context.max_execution_duration_ms(), 2u);
  // 0 would mean that there is none.
  LimitExecution(context, -std::chrono::seconds(1));
  EXPECT_EQ(context.max_execution_duration_ms(), 1u);
}

TEST_F(UnaryTest, NobodyListeningIsUnavailable) {
  StartServer();
  const int port = server_->port();
  server_->Stop(std::chrono::seconds(0));
  channel_ = client_.pool().Get("127.0.0.1:" + std::to_string(port), 1);
  const GetResult result = Get("key");
  EXPECT_TRUE(absl::IsUnavailable(result.status())) << result.status();
}

TEST_F(UnaryTest, ServerThatComesBackOnItsPortIsFoundAgain) {
  StartServer();
  ASSERT_TRUE(Get("key").ok());
  ServerOptions options;
  options.listen_address = server_->address();
  server_->Stop(std::chrono::seconds(0));
  ASSERT_FALSE(Get("key").ok());
  const std::shared_ptr<Channel> old_channel = channel_;
  StartServer(options);
  ASSERT_EQ(channel_, old_channel);
  CallOptions patient;
  patient.wait_for_ready = true;
  const GetResult result = Get("key", patient);
  EXPECT_TRUE(result.ok()) << result.status();
}

TEST_F(UnaryTest, ShutdownWaitsForCallsThatAreUnderWay) {
  StartServer();
  const auto held = StartGet("hold");
  ASSERT_TRUE(api_.WaitForHeld(1));
  std::thread stopping([this] { server_->Stop(std::chrono::seconds(10)); });
  std::thread answering([&] { api_.AnswerHeld(); });
  answering.join();
  EXPECT_TRUE(Await(held).ok());
  stopping.join();
}

TEST_F(UnaryTest, ShutdownCancelsWhatIsUnderWayAfterItsGrace) {
  StartServer();
  const auto held = StartGet("hold");
  ASSERT_TRUE(api_.WaitForHeld(1));
  std::thread stopping([this] { server_->Stop(std::chrono::milliseconds(100)); });
  const GetResult result = Await(held);
  EXPECT_FALSE(result.ok());
  api_.AnswerHeld();
  stopping.join();
}

TEST_F(UnaryTest, ShutdownAnswersWhatComesUntilTheClientsAreGone) {
  StartServer({.drain_quiet = std::chrono::seconds(1)});
  ASSERT_TRUE(Get("k").ok());
  std::thread stopping([this] { server_->Stop(std::chrono::seconds(60)); });
  // More of them than are on their way when a server that did not care shuts down.
  for (int i = 0; i < 500; ++i) {
    const GetResult result = Get("k");
    EXPECT_TRUE(result.ok()) << i << ": " << result.status();
    if (!result.ok()) break;
  }
  stopping.join();
  EXPECT_TRUE(absl::IsUnavailable(Get("k").status()));
}

TEST_F(UnaryTest, SecondServerOnOnePortIsRefused) {
  StartServer();
  ServerOptions options;
  options.listen_address = server_->address();
  TestServer second(options);
  second.loop().Start();
  const absl::Status status = second.server().Start();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(options.listen_address));
}

TEST_F(UnaryTest, LoopThatStopsCancelsItsCalls) {
  StartServer();
  Box<std::vector<absl::Status>> results;
  {
    TestClient client;
    kvrpcpb::RawGetRequest request;
    request.set_key("hold");
    CallUnary<kvrpcpb::RawGetResponse>(
        &client.loop(), client.pool().Get(server_->address()), "tikvpb.Tikv/RawGet", request, {},
        [results](GetResult result) mutable {
          results.Update([&](auto& all) { all.push_back(result.status()); });
        });
    ASSERT_TRUE(api_.WaitForHeld(1));
  }
  ASSERT_EQ(results.Get().size(), 1u);
  EXPECT_TRUE(absl::IsCancelled(results.Get().front())) << results.Get().front();
  api_.AnswerHeld();
}

TEST_F(UnaryTest, HealthTellsWhetherTheServerServes) {
  StartServer();
  using grpc::health::v1::HealthCheckResponse;
  const auto check = [&](const std::string& service) -> absl::StatusOr<int> {
    Box<std::vector<absl::StatusOr<int>>> results;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    CallUnary<HealthCheckResponse>(
        &client_.loop(), channel_, "grpc.health.v1.Health/Check", request, {},
        [results](absl::StatusOr<HealthCheckResponse> result) mutable {
          results.Update([&](auto& all) {
            all.push_back(result.ok() ? absl::StatusOr<int>(int{result->status()})
                                      : absl::StatusOr<int>(result.status()));
          });
        });
    EXPECT_TRUE(results.WaitUntil([](const auto& all) { return !all.empty(); }));
    return results.Get().front();
  };
  EXPECT_EQ(*check(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(*check("tikvpb.Tikv"), HealthCheckResponse::SERVING);
  EXPECT_TRUE(absl::IsNotFound(check("nobody").status()));
  server_->server().SetServing(false);
  EXPECT_EQ(*check(""), HealthCheckResponse::NOT_SERVING);
}

}  // namespace
}  // namespace flotilla::rpc
