// The client's connections to stores, over loopback: both transports, and what is certain about
// requests that fail.
#include "client/grpc_store_rpc.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/stream_queue.h"
#include "tests/common/rpc/loopback.h"
#include "tikv/tikvpb.pb.h"

namespace flotilla::client {
namespace {

using rpc::Box;
using rpc::Done;
using std::chrono::seconds;

// A store that answers a get with its key and a swap with success, and keeps what is called "hold".
class StoreApi {
 public:
  void RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response, Done done) {
    response->set_value("unary " + request.key());
    std::move(done)(absl::OkStatus());
  }
  void RawCompareAndSwap(const kvrpcpb::RawCASRequest& request, kvrpcpb::RawCASResponse* response,
                         Done done) {
    if (request.key() == "hold") {
      held_.Update([&](std::vector<Done>& held) { held.push_back(std::move(done)); });
      return;
    }
    response->set_succeed(true);
    std::move(done)(absl::OkStatus());
  }
  const Box<std::vector<Done>>& held() const { return held_; }
  void AnswerHeld() {
    held_.Update([](std::vector<Done>& held) {
      for (Done& done : held) std::move(done)(absl::CancelledError("the test is over"));
      held.clear();
    });
  }

 private:
  Box<std::vector<Done>> held_;
};

// Each command of the stream is answered in kind; "hold" is kept.
class BatchStream final
    : public rpc::TypedStreamHandler<tikvpb::BatchCommandsRequest, tikvpb::BatchCommandsResponse> {
 public:
  using Response = tikvpb::BatchCommandsResponse::Response;

  BatchStream(std::shared_ptr<rpc::StreamControl> control, Box<int> held)
      : control_(std::move(control)), held_(std::move(held)), queue_(1 << 10, 1 << 20) {}

  void OnMessage(tikvpb::BatchCommandsRequest* batch) override {
    for (int i = 0; i < batch->requests_size(); ++i) {
      Response answer;
      if (!AnswerTo(batch->requests(i), answer)) {
        held_.Update([](int& held) { ++held; });
        continue;
      }
      ASSERT_TRUE(queue_.TryPush(std::pair(batch->request_ids(i), std::move(answer)), 1));
    }
    control_->Wake();
  }
  bool Fill(tikvpb::BatchCommandsResponse* batch) override {
    return queue_.TakeUpTo(1024, 1 << 20, [&](std::pair<uint64_t, Response> answer) {
      batch->add_request_ids(answer.first);
      *batch->add_responses() = std::move(answer.second);
    }) > 0;
  }
  bool HasOutstanding() override { return held_.Get() > 0; }
  void OnClosed(const absl::Status&) override {}

 private:
  static bool AnswerTo(const tikvpb::BatchCommandsRequest::Request& request, Response& answer) {
    if (request.has_rawget()) {
      if (request.rawget().key() == "hold") return false;
      answer.mutable_rawget()->set_value("batch " + request.rawget().key());
    }
    if (request.has_rawbatchget()) {
      for (const std::string& key : request.rawbatchget().keys()) {
        answer.mutable_rawbatchget()->add_pairs()->set_key(key);
      }
    }
    if (request.has_rawput()) answer.mutable_rawput();
    if (request.has_rawbatchput()) answer.mutable_rawbatchput();
    if (request.has_rawdelete()) answer.mutable_rawdelete();
    if (request.has_rawbatchdelete()) answer.mutable_rawbatchdelete();
    if (request.has_rawscan()) answer.mutable_rawscan()->add_kvs()->set_key("row");
    if (request.has_rawdeleterange()) answer.mutable_rawdeleterange();
    return true;
  }

  const std::shared_ptr<rpc::StreamControl> control_;
  Box<int> held_;
  rpc::StreamQueue<std::pair<uint64_t, Response>> queue_;
};

class GrpcStoreRpcTest : public ::testing::TestWithParam<Transport> {
 protected:
  void SetUp() override {
    server_.server().Bind("tikvpb.Tikv/RawGet", &StoreApi::RawGet, &api_);
    server_.server().Bind("tikvpb.Tikv/RawCompareAndSwap", &StoreApi::RawCompareAndSwap, &api_);
    server_.server().AddStream("tikvpb.Tikv/BatchCommands",
                               [this](std::shared_ptr<rpc::StreamControl> control) {
                                 return std::make_shared<BatchStream>(std::move(control), held_);
                               });
    server_.Start();
    connector_ = std::make_unique<GrpcStoreConnector>(&client_.loop(), &client_.pool(), GetParam(),
                                                      env::Random(1));
  }
  void TearDown() override {
    api_.AnswerHeld();
    connector_->Shutdown();
  }

  static env::Instant Soon() { return env::SystemClock().Now() + rpc::kTestDeadline; }

  // Begins a call; its status comes in the box.
  template <typename Request, typename Response>
  Box<std::pair<bool, absl::Status>> Start(StoreConnection& store,
                                           StoreConnection::Method<Request, Response> method,
                                           Request request) {
    auto messages = std::make_shared<std::pair<Request, Response>>(std::move(request), Response());
    Box<std::pair<bool, absl::Status>> box;
    (store.*method)(messages->first, &messages->second, Soon(),
                    [box, messages](absl::Status status) {
                      box.Set({true, status});
                    });
    return box;
  }
  template <typename Request, typename Response>
  absl::Status Call(StoreConnection& store, StoreConnection::Method<Request, Response> method,
                    Request request) {
    return Await(Start(store, method, std::move(request)));
  }
  static absl::Status Await(const Box<std::pair<bool, absl::Status>>& box) {
    EXPECT_TRUE(box.WaitUntil([](const auto& answer) { return answer.first; }));
    return box.Get().second;
  }
  static kvrpcpb::RawGetRequest Get(const std::string& key) {
    kvrpcpb::RawGetRequest request;
    request.set_key(key);
    return request;
  }
  static kvrpcpb::RawCASRequest Swap(const std::string& key) {
    kvrpcpb::RawCASRequest request;
    request.set_key(key);
    return request;
  }

  StoreApi api_;
  Box<int> held_;
  rpc::TestServer server_;
  rpc::TestClient client_;
  std::unique_ptr<GrpcStoreConnector> connector_;
};

INSTANTIATE_TEST_SUITE_P(Transports, GrpcStoreRpcTest,
                         ::testing::Values(Transport::kBatch, Transport::kUnary),
                         [](const auto& info) {
                           return info.param == Transport::kBatch ? "Batch" : "Unary";
                         });

TEST_P(GrpcStoreRpcTest, GetsGoTheWayThatWasChosen) {
  const auto store = connector_->Connect(server_.address());
  kvrpcpb::RawGetResponse response;
  Box<bool> done;
  store->RawGet(Get("k"), &response, Soon(),
                [done](absl::Status status) { done.Set(status.ok()); });
  ASSERT_TRUE(done.WaitUntil([](bool value) { return value; }));
  EXPECT_EQ(response.value(), GetParam() == Transport::kBatch ? "batch k" : "unary k");
}

TEST_P(GrpcStoreRpcTest, ASwapIsUnaryAlways) {
  const auto store = connector_->Connect(server_.address());
  EXPECT_TRUE(Call(*store, &StoreConnection::RawCompareAndSwap, Swap("k")).ok());
}

TEST_P(GrpcStoreRpcTest, OneAddressIsOneConnection) {
  EXPECT_EQ(connector_->Connect(server_.address()), connector_->Connect(server_.address()));
}

TEST_P(GrpcStoreRpcTest, WithoutAServerNothingWasSent) {
  const auto store = connector_->Connect("127.0.0.1:1");
  for (const absl::Status& status :
       {Call(*store, &StoreConnection::RawGet, Get("k")),
        Call(*store, &StoreConnection::RawCompareAndSwap, Swap("k"))}) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_TRUE(rpc::WasNotExecuted(status)) << status;
  }
}

TEST_P(GrpcStoreRpcTest, ABrokenConnectionLeavesDoubt) {
  const auto store = connector_->Connect(server_.address());
  const auto swap = Start(*store, &StoreConnection::RawCompareAndSwap, Swap("hold"));
  ASSERT_TRUE(api_.held().WaitUntil([](const auto& held) { return held.size() == 1; }));
  auto get = swap;
  if (GetParam() == Transport::kBatch) {
    get = Start(*store, &StoreConnection::RawGet, Get("hold"));
    ASSERT_TRUE(held_.WaitUntil([](int held) { return held == 1; }));
  }
  api_.AnswerHeld();
  server_.Stop(seconds(0));
  for (const auto& box : {swap, get}) {
    const absl::Status status = Await(box);
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(rpc::WasNotExecuted(status)) << status;
  }
}

TEST_P(GrpcStoreRpcTest, AfterShutdownNothingIsSent) {
  const auto store = connector_->Connect(server_.address());
  ASSERT_TRUE(Call(*store, &StoreConnection::RawGet, Get("k")).ok());
  connector_->Shutdown();
  for (const absl::Status& status :
       {Call(*store, &StoreConnection::RawGet, Get("k")),
        Call(*store, &StoreConnection::RawCompareAndSwap, Swap("k")),
        Call(*connector_->Connect("127.0.0.1:2"), &StoreConnection::RawGet, Get("k"))}) {
    EXPECT_TRUE(absl::IsCancelled(status)) << status;
    EXPECT_TRUE(rpc::WasNotExecuted(status));
  }
}

TEST_P(GrpcStoreRpcTest, EveryCommandOfTheStreamIsAnsweredInKind) {
  if (GetParam() == Transport::kUnary) {
    // What the server does not serve is said to be so, and not tried for ever.
    const auto store = connector_->Connect(server_.address());
    EXPECT_TRUE(
        absl::IsUnimplemented(Call(*store, &StoreConnection::RawPut, kvrpcpb::RawPutRequest())));
    return;
  }
  const auto store = connector_->Connect(server_.address());
  kvrpcpb::RawBatchGetRequest batch_get;
  batch_get.add_keys("k");
  EXPECT_TRUE(Call(*store, &StoreConnection::RawBatchGet, batch_get).ok());
  EXPECT_TRUE(Call(*store, &StoreConnection::RawPut, kvrpcpb::RawPutRequest()).ok());
  EXPECT_TRUE(Call(*store, &StoreConnection::RawBatchPut, kvrpcpb::RawBatchPutRequest()).ok());
  EXPECT_TRUE(Call(*store, &StoreConnection::RawDelete, kvrpcpb::RawDeleteRequest()).ok());
  EXPECT_TRUE(
      Call(*store, &StoreConnection::RawBatchDelete, kvrpcpb::RawBatchDeleteRequest()).ok());
  EXPECT_TRUE(Call(*store, &StoreConnection::RawScan, kvrpcpb::RawScanRequest()).ok());
  EXPECT_TRUE(
      Call(*store, &StoreConnection::RawDeleteRange, kvrpcpb::RawDeleteRangeRequest()).ok());
}

}  // namespace
}  // namespace flotilla::client
