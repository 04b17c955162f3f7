// What clients that we did not write do to a server: frequent pings, compressed requests, a stream
// that is half closed, bytes that are no message.

#include <gmock/gmock.h>
#include <google/protobuf/message_lite.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/errors/region_error.h"
#include "grpc/health.pb.h"
#include "tests/common/rpc/loopback.h"
#include "tests/common/rpc/raw_connection.h"
#include "tikv/kvrpcpb.pb.h"
#include "tikv/tikvpb.pb.h"

namespace flotilla::rpc {
namespace {

using grpc::health::v1::HealthCheckResponse;

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

// Holds each batch until it is told to answer, and reads no further meanwhile.
class HoldingStream final
    : public TypedStreamHandler<tikvpb::BatchCommandsRequest, tikvpb::BatchCommandsResponse> {
 public:
  explicit HoldingStream(std::shared_ptr<StreamControl> control) : control_(std::move(control)) {}

  // Answers the batch that is held.
  void Answer() {
    answer_.store(true);
    control_->Wake();
  }
  const Box<size_t>& received() const { return received_; }
  const Box<bool>& closed() const { return closed_; }

  bool ReadyToRead() override { return !holds_; }
  bool HasOutstanding() override { return holds_; }
  void OnClosed(const absl::Status& /*status*/) override { closed_.Set(true); }

 protected:
  void OnMessage(tikvpb::BatchCommandsRequest* batch) override {
    EXPECT_FALSE(holds_);
    holds_ = true;
    held_.Swap(batch);
    received_.Update([](size_t& n) { ++n; });
  }
  bool Fill(tikvpb::BatchCommandsResponse* batch) override {
    if (!holds_ || !answer_.exchange(false)) return false;
    holds_ = false;
    for (const uint64_t id : held_.request_ids()) {
      batch->add_request_ids(id);
      batch->add_responses()->mutable_rawget()->set_not_found(true);
    }
    return true;
  }

 private:
  const std::shared_ptr<StreamControl> control_;
  std::atomic<bool> answer_{false};
  Box<size_t> received_;
  Box<bool> closed_;
  // Loop thread only.
  bool holds_ = false;
  tikvpb::BatchCommandsRequest held_;
};

class ForeignClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(tikvpb::BatchCommandsRequest::descriptor(), nullptr);
    server_.server().Bind("tikvpb.Tikv/RawPut", &Api::RawPut, &api_,
                          [this](size_t bytes, env::Duration) {
                            if (bytes <= room_.load()) return absl::OkStatus();
                            return errors::ServerIsBusy("no room", 100);
                          });
    server_.server().AddStream("tikvpb.Tikv/BatchCommands",
                               [this](std::shared_ptr<StreamControl> control) {
                                 auto stream = std::make_shared<HoldingStream>(std::move(control));
                                 holding_.Set(stream);
                                 return stream;
                               });
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

  // A RawPut of these bytes.
  grpc::Status PutBytes(const std::shared_ptr<grpc::Channel>& channel, const std::string& bytes,
                        kvrpcpb::RawPutResponse* response = nullptr) {
    const grpc::internal::RpcMethod method("/tikvpb.Tikv/RawPut",
                                           grpc::internal::RpcMethod::NORMAL_RPC, channel);
    grpc::ClientContext context;
    kvrpcpb::RawPutResponse ignored;
    return grpc::internal::BlockingUnaryCall(channel.get(), method, &context, ToBuffer(bytes),
                                             response == nullptr ? &ignored : response);
  }
  static grpc::ByteBuffer ToBuffer(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    return grpc::ByteBuffer(&slice, 1);
  }

  using BatchStream =
      grpc::ClientReaderWriter<tikvpb::BatchCommandsRequest, tikvpb::BatchCommandsResponse>;

  std::unique_ptr<BatchStream> OpenBatchStream(const std::shared_ptr<grpc::Channel>& channel,
                                               grpc::ClientContext* context) {
    context->set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                       gpr_time_from_seconds(kTestDeadline.count(), GPR_TIMESPAN)));
    const grpc::internal::RpcMethod method("/tikvpb.Tikv/BatchCommands",
                                           grpc::internal::RpcMethod::BIDI_STREAMING, channel);
    std::unique_ptr<BatchStream> stream(
        grpc::internal::ClientReaderWriterFactory<
            tikvpb::BatchCommandsRequest, tikvpb::BatchCommandsResponse>::Create(channel.get(),
                                                                                 method, context));
    EXPECT_TRUE(holding_.WaitUntil([](const auto& holding) { return holding != nullptr; }));
    return stream;
  }

  std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> Watch(
      const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context) {
    context->set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                       gpr_time_from_seconds(kTestDeadline.count(), GPR_TIMESPAN)));
    const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Watch",
                                           grpc::internal::RpcMethod::SERVER_STREAMING, channel);
    return std::unique_ptr<grpc::ClientReader<HealthCheckResponse>>(
        grpc::internal::ClientReaderFactory<HealthCheckResponse>::Create(
            channel.get(), method, context, grpc::health::v1::HealthCheckRequest()));
  }

  // With a request that is answered when the handler is told to.
  std::pair<std::unique_ptr<BatchStream>, std::shared_ptr<HoldingStream>> OpenOwingStream(
      const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context) {
    holding_.Set(nullptr);
    auto stream = OpenBatchStream(channel, context);
    EXPECT_TRUE(stream->Write(Batch(7)));
    std::shared_ptr<HoldingStream> holding = holding_.Get();
    EXPECT_TRUE(holding->received().WaitUntil([](size_t n) { return n == 1; }));
    return {std::move(stream), std::move(holding)};
  }

  static tikvpb::BatchCommandsRequest Batch(uint64_t id) {
    tikvpb::BatchCommandsRequest batch;
    batch.add_request_ids(id);
    batch.add_requests()->mutable_rawget()->set_key("k");
    return batch;
  }

  Api api_;
  // The largest RawPut that is let in.
  std::atomic<size_t> room_{SIZE_MAX};
  Box<std::shared_ptr<HoldingStream>> holding_;
  TestServer server_;
};

TEST_F(ForeignClientTest, FrequentPingsAreBorne) {
  RawConnection connection(server_.port());
  ASSERT_TRUE(connection.SayHello());
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

// Cut short, a field of 2 GiB that is not there, ends of groups that never began, groups in groups
// in groups.
const std::string kMalformed[] = {"\x12", "\x12\xff\xff\xff\xff\x07v", "\xff\xff\xff", "\x14",
                                  std::string(1'000'000, '\x7b')};

TEST_F(ForeignClientTest, MalformedRequestsReachNobody) {
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  kvrpcpb::RawPutRequest request;
  request.set_value("good");
  // A field that this version does not know, and a known one of another type, are passed over.
  const std::string unknown = "\xc2\x3e\x01x\x10\x05";
  ASSERT_TRUE(PutBytes(channel, request.SerializeAsString() + unknown).ok());
  EXPECT_EQ(api_.value(), "good");
  request.set_value("bad");
  for (const std::string& malformed : kMalformed) {
    const grpc::Status status = PutBytes(channel, request.SerializeAsString() + malformed);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL) << status.error_message();
    EXPECT_THAT(status.error_message(), ::testing::HasSubstr("parse"));
  }
  EXPECT_EQ(api_.value(), "good");
  grpc::ClientContext context;
  EXPECT_TRUE(Put(channel, &context, "k", "still served").ok());
}

TEST_F(ForeignClientTest, WhatThereIsNoRoomForIsRefusedBeforeItIsParsed) {
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  const std::string malformed(1000, '\x7b');
  kvrpcpb::RawPutResponse response;
  room_.store(malformed.size() - 1);
  for (int i = 0; i < 3; ++i) {
    response.Clear();
    ASSERT_TRUE(PutBytes(channel, malformed, &response).ok());
    EXPECT_EQ(response.region_error().server_is_busy().backoff_ms(), 100u);
  }
  grpc::ClientContext context;
  EXPECT_TRUE(Put(channel, &context, "k", "small").ok());
  EXPECT_EQ(api_.value(), "small");
  room_.store(malformed.size());
  EXPECT_EQ(PutBytes(channel, malformed).error_code(), grpc::StatusCode::INTERNAL);
}

TEST_F(ForeignClientTest, MalformedMessageEndsItsStream) {
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  const grpc::internal::RpcMethod method("/tikvpb.Tikv/BatchCommands",
                                         grpc::internal::RpcMethod::BIDI_STREAMING, channel);
  for (const std::string& malformed : kMalformed) {
    holding_.Set(nullptr);
    grpc::ClientContext context;
    const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
        grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
            channel.get(), method, &context));
    ASSERT_TRUE(holding_.WaitUntil([](const auto& holding) { return holding != nullptr; }));
    ASSERT_TRUE(stream->Write(ToBuffer(malformed)));
    EXPECT_TRUE(holding_.Get()->closed().WaitUntil([](bool closed) { return closed; }));
    EXPECT_EQ(holding_.Get()->received().Get(), 0u);
  }
  grpc::ClientContext context;
  EXPECT_TRUE(Put(channel, &context, "k", "still served").ok());
}

TEST_F(ForeignClientTest, HalfClosedStreamStillGetsItsAnswers) {
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  const auto stream = OpenBatchStream(channel, &context);
  ASSERT_TRUE(stream->Write(Batch(7)));
  ASSERT_TRUE(stream->WritesDone());
  ASSERT_TRUE(holding_.Get()->received().WaitUntil([](size_t n) { return n == 1; }));
  holding_.Get()->Answer();
  tikvpb::BatchCommandsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.request_ids(0), 7u);
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(holding_.Get()->closed().WaitUntil([](bool closed) { return closed; }));
}

TEST_F(ForeignClientTest, HandlerThatIsBusyIsNotGivenMore) {
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  const auto stream = OpenBatchStream(channel, &context);
  tikvpb::BatchCommandsResponse response;
  for (uint64_t id = 1; id <= 10; ++id) ASSERT_TRUE(stream->Write(Batch(id)));
  for (uint64_t id = 1; id <= 10; ++id) {
    ASSERT_TRUE(holding_.Get()->received().WaitUntil([id](size_t n) { return n >= id; }));
    EXPECT_EQ(holding_.Get()->received().Get(), id);
    holding_.Get()->Answer();
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.request_ids(0), id);
  }
}

TEST_F(ForeignClientTest, ClientThatGoesAwayClosesItsStream) {
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  const auto stream = OpenBatchStream(channel, &context);
  ASSERT_TRUE(stream->Write(Batch(7)));
  ASSERT_TRUE(holding_.Get()->received().WaitUntil([](size_t n) { return n == 1; }));
  // The handler holds a batch and reads nothing: it must hear of the end all the same.
  context.TryCancel();
  EXPECT_TRUE(holding_.Get()->closed().WaitUntil([](bool closed) { return closed; }));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// A write that an old leader owes is told committed by the new one, on a stream of Raft's: streams
// that answer no requests, like this Watch, outlive what others owe.
TEST_F(ForeignClientTest, WhatRequestsMayWaitForIsEndedAfterThem) {
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  grpc::ClientContext contexts[4];
  const auto watch = Watch(channel, &contexts[0]);
  HealthCheckResponse health;
  ASSERT_TRUE(watch->Read(&health));
  const auto quiet = OpenBatchStream(channel, &contexts[1]);
  const auto [first, answer_first] = OpenOwingStream(channel, &contexts[2]);
  const auto [last, answer_last] = OpenOwingStream(channel, &contexts[3]);
  Box<bool> watch_ended;
  std::thread reader([&watch = *watch, &health, watch_ended] {
    while (watch.Read(&health)) continue;
    watch_ended.Set(true);
  });
  std::thread shutdown([this] { server_.server().Shutdown(kTestDeadline); });
  // Rounds of draining go by: in one, the quiet stream is ended, in a later one the answered one.
  tikvpb::BatchCommandsResponse response;
  EXPECT_FALSE(quiet->Read(&response));
  answer_first->Answer();
  EXPECT_TRUE(first->Read(&response));
  EXPECT_FALSE(first->Read(&response));
  EXPECT_FALSE(watch_ended.Get());
  answer_last->Answer();
  EXPECT_TRUE(last->Read(&response));
  EXPECT_TRUE(watch_ended.WaitUntil([](bool ended) { return ended; }));
  reader.join();
  shutdown.join();
}

TEST_F(ForeignClientTest, WatchOutlivesItsHalfClosedRequest) {
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  const auto reader = Watch(channel, &context);
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
