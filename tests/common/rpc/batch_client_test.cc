// BatchCommands over loopback: coalescing, many in flight, deadlines, broken and returning servers.

#include "common/rpc/batch_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "common/errors/region_error.h"
#include "common/rpc/stream_queue.h"
#include "tests/common/rpc/loopback.h"

namespace flotilla::rpc {
namespace {

using Request = BatchClient::Request;
using Response = BatchClient::Response;

Request Get(const std::string& key) {
  Request request;
  request.mutable_rawget()->set_key(key);
  return request;
}

// Answers each get with its key, backwards within a batch; keeps those for "hold"; knows no puts;
// reads nothing after "last".
class EchoStream final
    : public TypedStreamHandler<tikvpb::BatchCommandsRequest, tikvpb::BatchCommandsResponse> {
 public:
  struct Counts {
    size_t batches = 0;
    size_t requests = 0;
    size_t held = 0;
    size_t closed = 0;
  };

  EchoStream(std::shared_ptr<StreamControl> control, Box<Counts> counts)
      : control_(std::move(control)), counts_(std::move(counts)), queue_(1 << 20, 1 << 30) {}

  void OnMessage(tikvpb::BatchCommandsRequest* batch) override {
    size_t held = 0;
    for (int i = batch->requests_size() - 1; i >= 0; --i) {
      std::pair<uint64_t, Response> answer(batch->request_ids(i), Response());
      if (batch->requests(i).has_rawget()) {
        const std::string& key = batch->requests(i).rawget().key();
        if (key == "hold") {
          ++held;
          continue;
        }
        if (key == "last") reads_on_ = false;
        answer.second.mutable_rawget()->set_value(key);
      }
      ASSERT_TRUE(queue_.TryPush(std::move(answer), 1));
    }
    counts_.Update([&](Counts& counts) {
      ++counts.batches;
      counts.requests += batch->requests_size();
      counts.held += held;
    });
  }

  bool Fill(tikvpb::BatchCommandsResponse* batch) override {
    return queue_.TakeUpTo(1024, 1 << 20, [&](std::pair<uint64_t, Response> answer) {
      batch->add_request_ids(answer.first);
      *batch->add_responses() = std::move(answer.second);
    }) > 0;
  }

  bool ReadyToRead() override { return reads_on_; }
  bool HasOutstanding() override { return counts_.Get().held > 0; }
  void OnClosed(const absl::Status& /*status*/) override {
    counts_.Update([](Counts& counts) { ++counts.closed; });
  }

  std::shared_ptr<StreamControl> control() { return control_; }

 private:
  const std::shared_ptr<StreamControl> control_;
  Box<Counts> counts_;
  StreamQueue<std::pair<uint64_t, Response>> queue_;
  bool reads_on_ = true;  // Loop thread only.
};

class BatchClientTest : public ::testing::Test {
 protected:
  void StartServer(ServerOptions options = {}) {
    server_ = std::make_unique<TestServer>(options);
    server_->server().AddStream(
        "tikvpb.Tikv/BatchCommands", [this](std::shared_ptr<StreamControl> control) {
          auto stream = std::make_shared<EchoStream>(std::move(control), counts_);
          stream_.Set(stream);
          return stream;
        });
    server_->Start();
  }

  void Connect(BatchClientOptions options = {}) {
    batch_ = std::make_unique<BatchClient>(&client_.loop(), client_.pool().Get(server_->address()),
                                           options, env::Random(1));
  }

  void TearDown() override {
    batch_.reset();
    stream_.Set(nullptr);
  }

  using Results = Box<std::vector<absl::StatusOr<Response>>>;

  Results Send(Request request, env::Duration timeout = kTestDeadline) {
    Results results;
    batch_->Send(std::move(request), timeout, [results](absl::StatusOr<Response> result) mutable {
      results.Update([&](auto& all) { all.push_back(std::move(result)); });
    });
    return results;
  }

  absl::StatusOr<Response> Await(const Results& results) {
    if (!results.WaitUntil([](const auto& all) { return !all.empty(); })) {
      return absl::InternalError("the test's deadline is over");
    }
    EXPECT_EQ(results.Get().size(), 1u);
    return results.Get().front();
  }

  // A request opens a new stream, once the wait after a broken one is over.
  bool IsAnsweredAgain() {
    const env::SystemClock clock;
    const env::Instant deadline = clock.Now() + kTestDeadline;
    while (clock.Now() < deadline) {
      if (Await(Send(Get("again"))).ok()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  Box<EchoStream::Counts> counts_;
  Box<std::shared_ptr<EchoStream>> stream_;
  std::unique_ptr<TestServer> server_;
  TestClient client_;
  std::unique_ptr<BatchClient> batch_;
};

TEST_F(BatchClientTest, AnswersFindTheirRequests) {
  StartServer();
  Connect();
  std::vector<Results> results;
  for (int i = 0; i < 100; ++i) results.push_back(Send(Get(std::to_string(i))));
  for (int i = 0; i < 100; ++i) {
    const absl::StatusOr<Response> response = Await(results[i]);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->rawget().value(), std::to_string(i));
  }
  EXPECT_EQ(batch_->pending(), 0u);
}

TEST_F(BatchClientTest, HundredThousandInFlight) {
  StartServer();
  Connect();
  constexpr int kRequests = 100'000;
  struct Tally {
    int right = 0;
    int wrong = 0;
  };
  Box<Tally> tally;
  for (int i = 0; i < kRequests; ++i) {
    std::string key = std::to_string(i);
    Request request = Get(key);
    batch_->Send(std::move(request), kTestDeadline,
                 [tally, key = std::move(key)](absl::StatusOr<Response> result) mutable {
                   const bool right = result.ok() && result->rawget().value() == key;
                   tally.Update([right](Tally& t) { ++(right ? t.right : t.wrong); });
                 });
  }
  ASSERT_TRUE(tally.WaitUntil([](const Tally& t) { return t.right + t.wrong == kRequests; }));
  EXPECT_EQ(tally.Get().wrong, 0);
  // They went in far fewer messages than there were requests.
  EXPECT_EQ(counts_.Get().requests, size_t{kRequests});
  EXPECT_LT(counts_.Get().batches, size_t{kRequests} / 10);
}

TEST_F(BatchClientTest, UnknownCommandIsUnimplemented) {
  StartServer();
  Connect();
  Request request;
  request.mutable_rawput()->set_key("k");
  const absl::StatusOr<Response> response = Await(Send(std::move(request)));
  EXPECT_TRUE(absl::IsUnimplemented(response.status())) << response.status();
}

TEST_F(BatchClientTest, RequestThatWasSentAndNotAnsweredInTimeIsUndetermined) {
  StartServer();
  Connect();
  const Results held = Send(Get("hold"), std::chrono::milliseconds(50));
  const absl::StatusOr<Response> response = Await(held);
  EXPECT_TRUE(errors::IsUndetermined(response.status())) << response.status();
  EXPECT_EQ(batch_->pending(), 0u);
  EXPECT_TRUE(Await(Send(Get("next"))).ok());
}

TEST_F(BatchClientTest, BrokenStreamFailsWhatIsPendingAsUndetermined) {
  StartServer();
  Connect();
  std::vector<Results> held;
  for (int i = 0; i < 10; ++i) held.push_back(Send(Get("hold")));
  ASSERT_TRUE(counts_.WaitUntil([](const auto& counts) { return counts.held == 10; }));
  stream_.Get()->control()->Close(absl::UnavailableError("the test ends it"));
  for (const Results& results : held) {
    const absl::StatusOr<Response> response = Await(results);
    EXPECT_TRUE(errors::IsUndetermined(response.status())) << response.status();
  }
  EXPECT_TRUE(IsAnsweredAgain());
}

TEST_F(BatchClientTest, UnreachableServerFailsRequestsAsNeverSent) {
  StartServer();
  Connect();
  server_->Stop(std::chrono::seconds(0));
  Await(Send(Get("notices the broken stream"))).IgnoreError();
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<Response> response = Await(Send(Get("k")));
    EXPECT_TRUE(absl::IsUnavailable(response.status())) << response.status();
    EXPECT_FALSE(errors::IsUndetermined(response.status()));
  }
}

TEST_F(BatchClientTest, BeforeTheNextAttemptToConnectRequestsAreRefusedAtOnce) {
  StartServer();
  Connect({.backoff = {.first = std::chrono::hours(1), .max = std::chrono::hours(1)}});
  ASSERT_TRUE(Await(Send(Get("k"))).ok());
  server_->Stop(std::chrono::seconds(0));
  Await(Send(Get("notices the broken stream"))).IgnoreError();
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<Response> response = Await(Send(Get("k")));
    EXPECT_TRUE(absl::IsUnavailable(response.status())) << response.status();
  }
}

TEST_F(BatchClientTest, ServerThatComesBackIsUsedAgain) {
  StartServer();
  Connect();
  ASSERT_TRUE(Await(Send(Get("k"))).ok());
  ServerOptions options;
  options.listen_address = server_->address();
  server_->Stop(std::chrono::seconds(0));
  StartServer(options);
  EXPECT_TRUE(IsAnsweredAgain());
}

TEST_F(BatchClientTest, TooManyPendingAreRefused) {
  StartServer();
  BatchClientOptions options;
  options.max_pending = 2;
  Connect(options);
  const Results first = Send(Get("hold")), second = Send(Get("hold"));
  const Results third = Send(Get("k"));
  ASSERT_EQ(third.Get().size(), 1u) << "refused before Send returns";
  EXPECT_TRUE(absl::IsResourceExhausted(third.Get().front().status()));
}

TEST_F(BatchClientTest, DestructionEndsWhatIsPending) {
  StartServer();
  Connect();
  const Results held = Send(Get("hold"));
  ASSERT_TRUE(counts_.WaitUntil([](const auto& counts) { return counts.held == 1; }));
  batch_.reset();
  const absl::StatusOr<Response> response = Await(held);
  EXPECT_TRUE(errors::IsUndetermined(response.status())) << response.status();
  EXPECT_TRUE(counts_.WaitUntil([](const auto& counts) { return counts.closed == 1; }));
}

TEST_F(BatchClientTest, DrainingServerEndsAQuietStream) {
  StartServer();
  Connect();
  ASSERT_TRUE(Await(Send(Get("k"))).ok());
  const env::SystemClock clock;
  const env::Instant begin = clock.Now();
  server_->Stop(std::chrono::seconds(15));
  EXPECT_LT(clock.Now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(counts_.Get().closed, 1u);
}

TEST_F(BatchClientTest, WhatADrainingServerDidNotReadWasNotExecuted) {
  StartServer();
  Connect();
  ASSERT_TRUE(Await(Send(Get("last"))).ok());
  const Results unread = Send(Get("k"));
  server_->Stop(std::chrono::seconds(15));
  const absl::StatusOr<Response> response = Await(unread);
  EXPECT_TRUE(absl::IsUnavailable(response.status())) << response.status();
  EXPECT_FALSE(errors::IsUndetermined(response.status())) << response.status();
  EXPECT_EQ(counts_.Get().requests, 1u);
}

TEST_F(BatchClientTest, WhatADrainingServerOwesIsUndeterminedInTheEnd) {
  StartServer();
  Connect();
  const Results held = Send(Get("hold"));
  ASSERT_TRUE(counts_.WaitUntil([](const auto& counts) { return counts.held == 1; }));
  server_->Stop(std::chrono::milliseconds(300));
  const absl::StatusOr<Response> response = Await(held);
  EXPECT_TRUE(errors::IsUndetermined(response.status())) << response.status();
}

TEST_F(BatchClientTest, TooManyStreamsAreRefused) {
  ServerOptions options;
  options.max_streams = 1;
  StartServer(options);
  Connect();
  ASSERT_TRUE(Await(Send(Get("k"))).ok());
  const std::unique_ptr<BatchClient> first = std::move(batch_);
  Connect();
  const absl::StatusOr<Response> refused = Await(Send(Get("k")));
  EXPECT_TRUE(absl::IsUnavailable(refused.status())) << refused.status();
  EXPECT_FALSE(errors::IsUndetermined(refused.status())) << refused.status();
  batch_ = nullptr;
  EXPECT_EQ(counts_.Get().requests, 1u);
}

}  // namespace
}  // namespace flotilla::rpc
