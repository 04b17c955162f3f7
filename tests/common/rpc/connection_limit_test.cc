// The door of a server: how many connections it lets in, what becomes of the others, and how it
// closes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/client_call.h"
#include "common/rpc/process.h"
#include "tests/common/rpc/loopback.h"
#include "tests/common/rpc/raw_connection.h"
#include "tikv/kvrpcpb.pb.h"
#include "tikv/tikvpb.pb.h"

namespace flotilla::rpc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using std::chrono::milliseconds;
using std::chrono::seconds;

// Changes the limit of open files for a while.
class FileLimit {
 public:
  FileLimit() { EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0); }
  ~FileLimit() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }
  void Set(rlim_t files) {
    rlimit limit = before_;
    limit.rlim_cur = files;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }

 private:
  rlimit before_ = {};
};

// The number that the next file would get: all below are in use.
int NextDescriptor() {
  const int next = dup(STDERR_FILENO);
  close(next);
  return next;
}

double CpuSeconds() {
  rusage usage = {};
  EXPECT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

class HoldingApi {
 public:
  void RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response, Done done) {
    response->set_value(request.key());
    if (request.key() != "hold") return std::move(done)(absl::OkStatus());
    held_.Update([&](auto& held) { held.push_back(std::move(done)); });
  }
  [[nodiscard]] bool WaitForHeld() {
    return held_.WaitUntil([](const auto& held) { return !held.empty(); });
  }
  void Answer() {
    held_.Update([](auto& held) {
      for (Done& done : held) std::move(done)(absl::OkStatus());
      held.clear();
    });
  }

 private:
  Box<std::vector<Done>> held_;
};

class ConnectionLimitTest : public ::testing::Test {
 protected:
  using Result = Box<std::vector<absl::StatusOr<kvrpcpb::RawGetResponse>>>;

  void Start(const ServerOptions& options) {
    ASSERT_NE(tikvpb::BatchCommandsRequest::descriptor(), nullptr);
    server_ = std::make_unique<TestServer>(options);
    server_->server().Bind("tikvpb.Tikv/RawGet", &HoldingApi::RawGet, &api_);
    server_->Start();
  }

  Result StartGet(const std::string& key) {
    Result result;
    kvrpcpb::RawGetRequest request;
    request.set_key(key);
    CallUnary<kvrpcpb::RawGetResponse>(
        &client_.loop(), client_.pool().Get(server_->address()), "tikvpb.Tikv/RawGet", request, {},
        [result](auto got) { result.Update([&](auto& all) { all.push_back(std::move(got)); }); });
    return result;
  }
  static absl::Status Await(const Result& result) {
    if (!result.WaitUntil([](const auto& all) { return !all.empty(); })) {
      return absl::InternalError("the test's deadline is over");
    }
    return result.Get().front().status();
  }

  // `count` connections that the server has taken.
  void Open(int count, const char* source = "127.0.0.1") {
    for (int i = 0; i < count; ++i) {
      open_.push_back(std::make_unique<RawConnection>(server_->port(), source));
      ASSERT_TRUE(open_.back()->SayHello()) << "connection " << open_.size();
    }
  }

  [[nodiscard]] bool AwaitMetric(const std::string& line) {
    const env::SystemClock clock;
    const env::Instant deadline = clock.Now() + kTestDeadline;
    Mutex mutex;
    CondVar never;
    MutexLock lock(mutex);
    while (server_->registry().ToText().find(line + "\n") == std::string::npos) {
      never.WaitFor(mutex, milliseconds(5));
      if (clock.Now() > deadline) {
        ADD_FAILURE() << "not: " << line << "\n" << server_->registry().ToText();
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] bool AwaitRefused(const std::string& reason, int count) {
    return AwaitMetric("flotilla_rpc_connections_refused_total{reason=\"" + reason +
                       "\",server=\"server\"} " + std::to_string(count));
  }
  [[nodiscard]] bool AwaitOpen(int count) {
    return AwaitMetric("flotilla_rpc_connections{server=\"server\"} " + std::to_string(count));
  }

  HoldingApi api_;
  std::unique_ptr<TestServer> server_;
  TestClient client_;
  std::deque<std::unique_ptr<RawConnection>> open_;
};

TEST_F(ConnectionLimitTest, OneMoreThanTheLimitIsClosedAndTheOthersAreServed) {
  ServerOptions options;
  options.max_connections = 4;
  options.max_connections_per_address = 4;
  Start(options);
  Open(3);
  ASSERT_TRUE(AwaitOpen(3));
  Open(1);
  ASSERT_TRUE(AwaitOpen(4));
  EXPECT_TRUE(RawConnection(server_->port()).AwaitClose());
  ASSERT_TRUE(AwaitRefused("limit", 1));
  // A client of gRPC hears that there is no connection: its call was certainly not executed.
  const absl::Status status = Await(StartGet("key"));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("failed to connect"));
  for (const auto& connection : open_) EXPECT_TRUE(connection->Ping());
}

TEST_F(ConnectionLimitTest, OneThatGoesMakesRoomForAnother) {
  ServerOptions options;
  options.max_connections = 2;
  Start(options);
  Open(2);
  for (int i = 0; i < 10; ++i) {
    open_.pop_front();
    // Until the server has seen that the other has gone.
    const env::SystemClock clock;
    const env::Instant deadline = clock.Now() + kTestDeadline;
    auto connection = std::make_unique<RawConnection>(server_->port());
    while (!connection->SayHello()) {
      ASSERT_LT(clock.Now(), deadline);
      connection = std::make_unique<RawConnection>(server_->port());
    }
    open_.push_back(std::move(connection));
  }
  for (const auto& connection : open_) EXPECT_TRUE(connection->Ping());
}

TEST_F(ConnectionLimitTest, OneAddressLeavesRoomForOthers) {
  ServerOptions options;
  options.max_connections = 8;
  Start(options);
  Open(6);
  EXPECT_TRUE(RawConnection(server_->port()).AwaitClose());
  ASSERT_TRUE(AwaitRefused("address_limit", 1));
  Open(2, "127.0.0.2");
  EXPECT_TRUE(RawConnection(server_->port(), "127.0.0.3").AwaitClose());
  ASSERT_TRUE(AwaitRefused("limit", 1));
  for (const auto& connection : open_) EXPECT_TRUE(connection->Ping());
}

TEST_F(ConnectionLimitTest, ThousandsThatCameAndWentLeaveNothing) {
  Start({});
  for (int round = 0; round < 20; ++round) {
    Open(100);
    open_.clear();
  }
  EXPECT_TRUE(AwaitOpen(0));
  EXPECT_TRUE(AwaitRefused("limit", 0));
  Open(1);
  EXPECT_TRUE(AwaitOpen(1));
}

TEST_F(ConnectionLimitTest, WhoeverSaysNothingIsCutOff) {
  ServerOptions options;
  options.handshake_timeout = milliseconds(200);
  Start(options);
  Open(1);
  RawConnection mute(server_->port());
  EXPECT_TRUE(mute.AwaitClose());
  EXPECT_TRUE(open_.front()->Ping());
  EXPECT_TRUE(AwaitOpen(1));
}

TEST_F(ConnectionLimitTest, WhoeverAnswersNoPingIsCutOff) {
  ServerOptions options;
  options.keepalive_interval = milliseconds(100);
  options.keepalive_timeout = milliseconds(100);
  Start(options);
  Open(1);
  EXPECT_TRUE(open_.front()->AwaitClose());
  EXPECT_TRUE(AwaitOpen(0));
  // A peer that stopped without a word is to be found within 20 s.
  EXPECT_LT(ServerOptions().keepalive_interval + ServerOptions().keepalive_timeout, seconds(20));
}

TEST_F(ConnectionLimitTest, WithoutADescriptorConnectionsAreClosedAndItRecovers) {
  Start({});
  Open(1);
  std::vector<std::unique_ptr<RawConnection>> late;
  for (int i = 0; i < 10; ++i) late.push_back(std::make_unique<RawConnection>());
  {
    FileLimit limit;
    limit.Set(static_cast<rlim_t>(NextDescriptor()));
    for (const auto& connection : late) ASSERT_TRUE(connection->Connect(server_->port()));
    for (const auto& connection : late) EXPECT_TRUE(connection->AwaitClose());
    EXPECT_TRUE(open_.front()->Ping());
  }
  ASSERT_TRUE(AwaitRefused("files", 10));
  Open(1);
}

TEST_F(ConnectionLimitTest, WithoutASpareDescriptorEitherItWaitsAndDoesNotSpin) {
  Start({});
  Open(1);
  RawConnection late;
  {
    FileLimit limit;
    // The spare one has a higher number. With less than this, polling is refused, too.
    limit.Set(STDERR_FILENO + 1);
    ASSERT_TRUE(late.Connect(server_->port()));
    const double before = CpuSeconds();
    // Nothing comes: for so long the connection waits at the door.
    late.SetReceiveTimeout(milliseconds(1000));
    EXPECT_FALSE(late.SayHello());
    EXPECT_LT(CpuSeconds() - before, 0.2);
    EXPECT_TRUE(open_.front()->Ping());
  }
  late.SetReceiveTimeout(kTestDeadline);
  EXPECT_TRUE(late.Ping());
}

TEST_F(ConnectionLimitTest, ConnectionsAreLimitedByWhatTheProcessMayOpen) {
  FileLimit limit;
  limit.Set(1000);
  EXPECT_EQ(FitConnections(900, 100), 900u);
  EXPECT_EQ(FitConnections(901, 100), 900u);
  EXPECT_EQ(FitConnections(10'000, 600), 500u);
  EXPECT_EQ(FitConnections(10'000, 5000), 500u);
}

TEST_F(ConnectionLimitTest, APortInUseIsNamed) {
  Start({});
  ServerOptions options;
  options.listen_address = server_->address();
  const env::SystemClock clock;
  metrics::Registry registry;
  GrpcEventLoop loop("second", &clock);
  Server second(options, &loop, &registry);
  const absl::Status status = second.Start();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(server_->address()), HasSubstr("Address already in use")));
}

TEST_F(ConnectionLimitTest, ShutdownClosesTheDoorAndLetsCallsEnd) {
  Start({});
  const Result held = StartGet("hold");
  ASSERT_TRUE(api_.WaitForHeld());
  Open(1);
  std::thread shutdown([this] { server_->server().Shutdown(kTestDeadline); });
  while (const std::optional<RawConnection::Frame> frame = open_.front()->Receive()) {
    if (frame->type == RawConnection::kGoAway) break;
  }
  EXPECT_FALSE(RawConnection().Connect(server_->port())) << "others were told to go by now";
  open_.clear();
  EXPECT_TRUE(held.Get().empty());
  api_.Answer();
  EXPECT_TRUE(Await(held).ok()) << Await(held);
  shutdown.join();
}

}  // namespace
}  // namespace flotilla::rpc
