// The adapters over loopback: unary calls and the stream of BatchCommands, on a store without
// regions.
#include "store/service/kv_service.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/errors/region_error.h"
#include "common/rpc/batch_client.h"
#include "common/rpc/client_call.h"
#include "common/rpc/client_stream.h"
#include "flotilla/batch_frame.pb.h"
#include "store/service/unparsed_request.h"
#include "tests/common/rpc/loopback.h"

namespace flotilla::store {
namespace {

using rpc::BatchClient;
using Answer = std::optional<absl::StatusOr<BatchClient::Response>>;

class NoGroups final : public Replicator {
 public:
  // What every write is refused with.
  absl::Status room;

  absl::Status CheckRoom(uint64_t, env::Duration) const override { return room; }
  void Propose(RegionId id, multiraft::Proposal proposal) override {
    std::move(proposal.callback)(errors::RegionNotFound(id));
  }
  void Read(RegionId id, multiraft::ReadRequest request) override {
    std::move(request.callback)(errors::RegionNotFound(id));
  }
};

class InlineExecutor final : public ReadExecutor {
 public:
  void Run(env::Instant, Work work) override { std::move(work)(absl::OkStatus()); }
};

class NoSplits final : public RegionSplitter {
 public:
  void Split(RegionViewPtr, std::vector<std::string>, SplitCallback done) override {
    std::move(done)(absl::UnavailableError("none"));
  }
};

class KvServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    KvDependencies on;
    on.store_id = StoreId(1);
    on.cluster_id = ClusterId(7);
    on.codec = &codec_;
    on.engine = &engine_;
    on.clock = &clock_;
    on.reader = &reader_;
    on.replicator = &groups_;
    on.executor = &executor_;
    on.splitter = &splitter_;
    on.room = &room_;
    on.slow_score = [this] { return slow_score_; };
    api_ = std::make_unique<KvApi>(on, KvLimits{});
    BindKvService(server_.server(), api_.get(), &in_flight_);
    server_.Start();
    channel_ = client_.pool().Get(server_.address());
  }
  // Before the API, which its requests run on.
  void TearDown() override { server_.Stop(std::chrono::seconds(1)); }

  kvrpcpb::RawGetRequest Get(uint64_t store) {
    kvrpcpb::RawGetRequest request;
    request.set_key("k");
    request.mutable_context()->set_region_id(3);
    request.mutable_context()->mutable_peer()->set_store_id(store);
    return request;
  }
  absl::StatusOr<kvrpcpb::RawGetResponse> AskAlone(const kvrpcpb::RawGetRequest& request) {
    using Result = std::optional<absl::StatusOr<kvrpcpb::RawGetResponse>>;
    rpc::Box<Result> result;
    rpc::CallUnary<kvrpcpb::RawGetResponse>(
        &client_.loop(), channel_, "tikvpb.Tikv/RawGet", request, {},
        [result](absl::StatusOr<kvrpcpb::RawGetResponse> response) {
          result.Set(std::move(response));
        });
    EXPECT_TRUE(result.WaitUntil([](const Result& r) { return r.has_value(); }));
    return *result.Get();
  }
  // The server lets go of a request a moment after its answer is seen.
  bool AwaitNothingInFlight() {
    const env::Instant deadline = clock_.Now() + rpc::kTestDeadline;
    while (in_flight_.requests() + in_flight_.bytes() > 0 && clock_.Now() < deadline) {
      std::this_thread::yield();
    }
    return in_flight_.requests() + in_flight_.bytes() == 0;
  }
  absl::StatusOr<BatchClient::Response> Ask(BatchClient& batch, BatchClient::Request request) {
    rpc::Box<Answer> answer;
    batch.Send(std::move(request), rpc::kTestDeadline,
               [answer](absl::StatusOr<BatchClient::Response> response) {
                 answer.Set(std::move(response));
               });
    EXPECT_TRUE(answer.WaitUntil([](const Answer& a) { return a.has_value(); }));
    return *answer.Get();
  }

  env::MemoryFileSystem files_;
  engine::MemoryKvEngine engine_{&files_};
  env::SystemClock clock_;
  metrics::Registry registry_;
  disk::DiskReserve reserve_{&files_, ".", 0, &clock_, &registry_};
  DiskRoom room_{StoreId(1), &reserve_, &registry_};
  const KeyCodec codec_{ApiVersion::kV1};
  RegionIndex index_;
  NoGroups groups_;
  InlineExecutor executor_;
  NoSplits splitter_;
  double slow_score_ = 1;
  LocalReader reader_{StoreId(1), &index_, &groups_, &clock_};
  std::unique_ptr<KvApi> api_;
  metrics::Registry metrics_;
  rpc::InFlight in_flight_{{.requests = 4096, .bytes = 1 << 20}, &metrics_};
  rpc::TestServer server_{rpc::ServerOptions{.in_flight = &in_flight_}};
  rpc::TestClient client_;
  std::shared_ptr<rpc::Channel> channel_;
};

TEST_F(KvServiceTest, UnaryCallsReachTheirHandlers) {
  const auto answer = AskAlone(Get(1));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->region_error().region_not_found().region_id(), 3u);
}

TEST_F(KvServiceTest, WhenTooMuchIsInFlightRequestsAreRefusedAtOnce) {
  BatchClient batch(&client_.loop(), channel_, {}, env::Random(1));
  BatchClient::Request request;
  *request.mutable_rawget() = Get(1);
  for (const auto& [requests, bytes] : {std::pair<size_t, size_t>{4096, 0}, {1, 2 << 20}}) {
    in_flight_.Grow(requests, bytes);
    EXPECT_TRUE(Ask(batch, request)->rawget().region_error().has_server_is_busy());
    EXPECT_TRUE(AskAlone(Get(1))->region_error().has_server_is_busy());
    // How the store is may be asked at any time.
    BatchClient::Request feedback;
    feedback.mutable_gethealthfeedback();
    EXPECT_EQ(Ask(batch, feedback)->gethealthfeedback().health_feedback().store_id(), 1u);
    in_flight_.Leave(requests, bytes);
    EXPECT_TRUE(Ask(batch, request)->rawget().region_error().has_region_not_found());
    EXPECT_TRUE(AskAlone(Get(1))->region_error().has_region_not_found());
  }
  EXPECT_TRUE(AwaitNothingInFlight());
}

TEST_F(KvServiceTest, WritesWithoutRoomAreRefusedUnparsed) {
  BatchClient batch(&client_.loop(), channel_, {}, env::Random(1));
  std::vector<BatchClient::Request> writes(5);
  writes[0].mutable_rawput();
  writes[1].mutable_rawbatchput();
  writes[2].mutable_rawdelete();
  writes[3].mutable_rawbatchdelete();
  writes[4].mutable_rawdeleterange();
  groups_.room = errors::ServerIsBusy("no room", 100);
  for (const BatchClient::Request& write : writes) {
    const auto answer = Ask(batch, write);
    ASSERT_TRUE(answer.ok()) << answer.status();
    // The answer is of the same kind, and has a place for the error.
    ASSERT_EQ(static_cast<int>(answer->cmd_case()), static_cast<int>(write.cmd_case()));
    const auto* field = answer->GetDescriptor()->FindFieldByNumber(answer->cmd_case());
    const auto& inner = answer->GetReflection()->GetMessage(*answer, field);
    const auto& error = inner.GetReflection()->GetMessage(
        inner, inner.GetDescriptor()->FindFieldByName("region_error"));
    EXPECT_TRUE(static_cast<const errorpb::Error&>(error).has_server_is_busy())
        << inner.DebugString();
  }
  BatchClient::Request read;
  *read.mutable_rawget() = Get(1);
  EXPECT_TRUE(Ask(batch, read)->rawget().region_error().has_region_not_found());
  EXPECT_TRUE(AwaitNothingInFlight());
}

TEST(UnparsedRequestTest, AWriteIsToldByItsFirstByte) {
  using Request = BatchClient::Request;
  Request request;
  request.mutable_rawbatchput()->add_pairs()->set_key("k");
  EXPECT_EQ(WriteIn(request.SerializeAsString()), Request::kRawBatchPut);
  request.mutable_rawget()->set_key("k");
  EXPECT_EQ(WriteIn(request.SerializeAsString()), Request::CMD_NOT_SET);
  request.mutable_empty();  // A tag of two bytes.
  EXPECT_EQ(WriteIn(request.SerializeAsString()), Request::CMD_NOT_SET);
  for (const std::string_view not_a_request :
       {"", "\xff", "\x78\x01", "\x80\x80\x80\x80\x80\x80"}) {
    EXPECT_EQ(WriteIn(not_a_request), Request::CMD_NOT_SET);
  }
}

// Sends one message, whatever is in it.
class FrameSender final : public rpc::ClientStreamHandler {
 public:
  explicit FrameSender(batch::v1::BatchCommandsFrame frame) : frame_(std::move(frame)) {}

  std::unique_ptr<Message> NewIncoming() const override {
    return std::make_unique<tikvpb::BatchCommandsResponse>();
  }
  std::unique_ptr<Message> NewOutgoing() const override {
    return std::make_unique<batch::v1::BatchCommandsFrame>();
  }
  void OnIncoming(Message*) override {}
  bool FillNext(Message* message) override {
    if (std::exchange(sent_, true)) return false;
    message->CopyFrom(frame_);
    return true;
  }
  void OnClosed(const absl::Status& status) override { closed.Set(status); }

  rpc::Box<std::optional<absl::Status>> closed;

 private:
  const batch::v1::BatchCommandsFrame frame_;
  bool sent_ = false;
};

TEST_F(KvServiceTest, ARequestThatCannotBeParsedEndsItsStream) {
  batch::v1::BatchCommandsFrame frame;
  // A put that is longer than the request.
  frame.add_requests("\x7a\x7fx");
  frame.add_request_ids(1);
  const auto sender = std::make_shared<FrameSender>(frame);
  const auto stream = client_.loop().OpenStream(channel_, "tikvpb.Tikv/BatchCommands", sender);
  ASSERT_TRUE(sender->closed.WaitUntil([](const auto& status) { return status.has_value(); }));
  EXPECT_EQ(sender->closed.Get()->code(), absl::StatusCode::kInvalidArgument)
      << *sender->closed.Get();
  EXPECT_TRUE(AwaitNothingInFlight());
}

TEST_F(KvServiceTest, NothingStaysInFlightOfABrokenStream) {
  {
    BatchClient batch(&client_.loop(), channel_, {}, env::Random(1));
    for (int i = 0; i < 1000; ++i) {
      BatchClient::Request request;
      *request.mutable_rawget() = Get(1);
      batch.Send(std::move(request), rpc::kTestDeadline, [](const auto&) {});
    }
  }
  EXPECT_TRUE(AwaitNothingInFlight());
}

TEST_F(KvServiceTest, EveryRequestOfABatchIsAnsweredOnce) {
  BatchClient batch(&client_.loop(), channel_, {}, env::Random(1));
  constexpr int kRequests = 500;
  struct Counts {
    int not_found = 0;
    int mismatched = 0;
    int other = 0;
  };
  rpc::Box<Counts> counts;
  for (int i = 0; i < kRequests; ++i) {
    BatchClient::Request request;
    *request.mutable_rawget() = Get(i % 2 == 0 ? 1 : 9);
    batch.Send(std::move(request), rpc::kTestDeadline,
               [counts](absl::StatusOr<BatchClient::Response> response) {
                 counts.Update([&](Counts& c) {
                   const bool get = response.ok() && response->has_rawget();
                   if (get && response->rawget().region_error().has_region_not_found()) {
                     ++c.not_found;
                   } else if (get && response->rawget().region_error().has_store_not_match()) {
                     ++c.mismatched;
                   } else {
                     ++c.other;
                   }
                 });
               });
  }
  ASSERT_TRUE(counts.WaitUntil(
      [](const Counts& c) { return c.not_found + c.mismatched + c.other == kRequests; }));
  EXPECT_EQ(counts.Get().not_found, kRequests / 2);
  EXPECT_EQ(counts.Get().mismatched, kRequests / 2);
}

TEST_F(KvServiceTest, UnknownCommandsComeBackEmpty) {
  BatchClient batch(&client_.loop(), channel_, {}, env::Random(1));
  EXPECT_EQ(Ask(batch, BatchClient::Request()).status().code(), absl::StatusCode::kUnimplemented);
  BatchClient::Request empty;
  empty.mutable_empty()->set_test_id(17);
  const auto answer = Ask(batch, empty);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->empty().test_id(), 17u);
  BatchClient::Request feedback;
  feedback.mutable_gethealthfeedback();
  EXPECT_EQ(Ask(batch, feedback)->gethealthfeedback().health_feedback().store_id(), 1u);
}

TEST_F(KvServiceTest, AnotherClustersStreamIsEnded) {
  BatchClient batch(&client_.loop(), channel_, {}, env::Random(1));
  BatchClient::Request request;
  *request.mutable_rawget() = Get(1);
  request.mutable_rawget()->mutable_context()->set_cluster_id(8);
  EXPECT_FALSE(Ask(batch, request).ok());
  // Then it is served, on a new stream.
  request.mutable_rawget()->mutable_context()->set_cluster_id(7);
  absl::StatusOr<BatchClient::Response> answer = absl::UnavailableError("not asked");
  const env::Instant deadline = client_.loop().clock().Now() + rpc::kTestDeadline;
  while (!answer.ok() && client_.loop().clock().Now() < deadline) answer = Ask(batch, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->rawget().region_error().has_region_not_found());
}

}  // namespace
}  // namespace flotilla::store
