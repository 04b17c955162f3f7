// What clients that we did not write do to a server: frequent pings, compressed requests, a stream
// that is half closed.

#include <arpa/inet.h>
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
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
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
    value_.Set(request.value());
    std::move(done)(absl::OkStatus());
  }
  std::string value() const { return value_.Get(); }

 private:
  Box<std::string> value_;
};

class ForeignClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(tikvpb::BatchCommandsRequest::descriptor(), nullptr);
    server_.server().Bind("tikvpb.Tikv/RawPut", &Api::RawPut, &api_);
    server_.Start();
  }

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

// A connection that speaks just enough HTTP/2 (RFC 9113) to ping.
class RawConnection {
 public:
  static constexpr uint8_t kSettings = 4, kPing = 6, kGoAway = 7, kAck = 1;
  struct Frame {
    uint8_t type;
    uint8_t flags;
  };

  explicit RawConnection(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval timeout = {kTestDeadline.count(), 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    SendFrame(kSettings, "");
  }
  ~RawConnection() { close(socket_); }

  void SendFrame(uint8_t type, const std::string& payload) {
    std::string frame = {0, 0, static_cast<char>(payload.size()), static_cast<char>(type)};
    frame.append(5, '\0');
    Send(frame + payload);
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

 private:
  void Send(const std::string& bytes) {
    EXPECT_EQ(send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  bool ReadAll(std::string* bytes) {
    return bytes->empty() || recv(socket_, bytes->data(), bytes->size(), MSG_WAITALL) ==
                                 static_cast<ssize_t>(bytes->size());
  }

  const int socket_;
};

TEST_F(ForeignClientTest, FrequentPingsAreBorne) {
  RawConnection connection(server_.port());
  constexpr int kPings = 20;
  int answered = 0;
  for (int i = 0; i < kPings; ++i) {
    connection.SendFrame(RawConnection::kPing, "12345678");
    // The server's own settings and pings may come in between.
    while (answered <= i) {
      const std::optional<RawConnection::Frame> frame = connection.Receive();
      ASSERT_TRUE(frame.has_value()) << "the server closed the connection after " << i << " pings";
      ASSERT_NE(frame->type, RawConnection::kGoAway) << "after " << i << " pings";
      if (frame->type == RawConnection::kPing && frame->flags == RawConnection::kAck) ++answered;
    }
  }
  EXPECT_EQ(answered, kPings);
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
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                    gpr_time_from_seconds(kTestDeadline.count(), GPR_TIMESPAN)));
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
