// What clients that we did not write do to a server: frequent pings, compressed requests, a stream
// that is half closed.

#include <gmock/gmock.h>
#include <google/protobuf/message_lite.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "grpc/health.pb.h"
#include "tests/common/rpc/loopback.h"
#include "tikv/kvrpcpb.pb.h"
#include "tikv/tikvpb.pb.h"

namespace flotilla::rpc {
namespace {

class Api {
 public:
  void RawPut(const kvrpcpb::RawPutRequest& request, kvrpcpb::RawPutResponse* /*response*/,
              Done done) {
    if (request.key() == "hold") {
      held_.Set(std::make_shared<Done>(std::move(done)));
      return;
    }
    value_.Set(request.value());
    std::move(done)(absl::OkStatus());
  }
  void AnswerHeld() {
    if (const auto done = held_.Get()) std::move (*done)(absl::OkStatus());
  }
  std::string value() const { return value_.Get(); }

 private:
  Box<std::string> value_;
  Box<std::shared_ptr<Done>> held_;
};

class ForeignClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(tikvpb::BatchCommandsRequest::descriptor(), nullptr);
    server_.server().Bind("tikvpb.Tikv/RawPut", &Api::RawPut, &api_);
    server_.Start();
  }
  void TearDown() override { api_.AnswerHeld(); }

  grpc::Status Put(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context,
                   const std::string& key, const std::string& value) {
    kvrpcpb::RawPutRequest request;
    request.set_key(key);
    request.set_value(value);
    kvrpcpb::RawPutResponse response;
    const grpc::internal::RpcMethod method("/tikvpb.Tikv/RawPut",
                                           grpc::internal::RpcMethod::NORMAL_RPC, channel);
    return grpc::internal::BlockingUnaryCall(channel.get(), method, context, request, &response);
  }

  Api api_;
  TestServer server_;
};

TEST_F(ForeignClientTest, FrequentPingsAreBorne) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  const auto channel =
      grpc::CreateCustomChannel(server_.address(), grpc::InsecureChannelCredentials(), arguments);
  // While this call waits for its deadline, some fifty pings go out on its connection. A server
  // that minds them would close it, and the call would end as Unavailable.
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
  const grpc::Status status = Put(channel, &context, "hold", "");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
}

TEST_F(ForeignClientTest, CompressedRequestsAreUnderstood) {
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  const std::string value(100'000, 'z');
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  const grpc::Status status = Put(channel, &context, "k", value);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(api_.value(), value);
}

TEST_F(ForeignClientTest, WatchOutlivesItsHalfClosedRequest) {
  using grpc::health::v1::HealthCheckRequest;
  using grpc::health::v1::HealthCheckResponse;
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Watch",
                                         grpc::internal::RpcMethod::SERVER_STREAMING, channel);
  HealthCheckRequest request;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTestDeadline);
  const std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> reader(
      grpc::internal::ClientReaderFactory<HealthCheckResponse>::Create(channel.get(), method,
                                                                       &context, request));
  HealthCheckResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  server_.server().SetServing(false);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  server_.server().SetServing(true);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  context.TryCancel();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace flotilla::rpc
