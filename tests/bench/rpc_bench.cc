// What RPC costs by itself, server and client in one process over loopback, the handler answering
// at once: unary calls and BatchCommands at a fixed number in flight.
//
//   ninja rpc_bench && bin/rpc_bench

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "common/metrics/registry.h"
#include "common/rpc/batch_client.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_call.h"
#include "common/rpc/grpc_event_loop.h"
#include "common/rpc/server.h"
#include "common/rpc/stream_queue.h"
#include "tikv/kvrpcpb.pb.h"
#include "tikv/tikvpb.pb.h"

namespace flotilla::rpc {
namespace {

constexpr env::Duration kTimeout = std::chrono::seconds(10);

class EchoApi {
 public:
  void RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response, Done done) {
    response->set_value(request.key());
    std::move(done)(absl::OkStatus());
  }
};

class EchoStream final
    : public TypedStreamHandler<tikvpb::BatchCommandsRequest, tikvpb::BatchCommandsResponse> {
 public:
  void OnMessage(tikvpb::BatchCommandsRequest* batch) override {
    for (int i = 0; i < batch->requests_size(); ++i) {
      std::pair<uint64_t, std::string> answer(batch->request_ids(i),
                                              batch->requests(i).rawget().key());
      CHECK(queue_.TryPush(std::move(answer), 1));
    }
  }
  bool Fill(tikvpb::BatchCommandsResponse* batch) override {
    return queue_.TakeUpTo(1024, SIZE_MAX, [&](std::pair<uint64_t, std::string> answer) {
      batch->add_request_ids(answer.first);
      batch->add_responses()->mutable_rawget()->set_value(std::move(answer.second));
    }) > 0;
  }
  void OnClosed(const absl::Status& /*status*/) override {}

 private:
  StreamQueue<std::pair<uint64_t, std::string>> queue_{1 << 20, SIZE_MAX};
};

class Bench {
 public:
  explicit Bench(bool minimal_stack)
      : server_loop_("bench-server", &clock_),
        client_loop_("bench-client", &clock_),
        server_(Options(minimal_stack), &server_loop_, &registry_) {
    server_.Bind("tikvpb.Tikv/RawGet", &EchoApi::RawGet, &api_);
    server_.AddStream("tikvpb.Tikv/BatchCommands", [](std::shared_ptr<StreamControl>) {
      return std::make_shared<EchoStream>();
    });
    server_loop_.Start();
    client_loop_.Start();
    CHECK(server_.Start().ok());
    channel_ = pool_.Get("127.0.0.1:" + std::to_string(server_.port()));
  }
  ~Bench() {
    client_loop_.Stop();
    server_.Shutdown(std::chrono::seconds(1));
    server_loop_.Stop();
  }

  GrpcEventLoop* loop() { return &client_loop_; }
  const std::shared_ptr<Channel>& channel() const { return channel_; }

 private:
  static ServerOptions Options(bool minimal_stack) {
    ServerOptions options;
    options.minimal_stack = minimal_stack;
    return options;
  }

  env::SystemClock clock_;
  metrics::Registry registry_;
  EchoApi api_;
  ChannelPool pool_;
  GrpcEventLoop server_loop_;
  GrpcEventLoop client_loop_;
  Server server_;
  std::shared_ptr<Channel> channel_;
};

// Keeps `in_flight` requests on their way until `total` were answered; each answer sends the next.
template <typename SendOne>
class Pump {
 public:
  Pump(uint64_t total, uint64_t in_flight, SendOne send)
      : total_(total), in_flight_(std::min(in_flight, total)), send_(std::move(send)) {}

  void Run() {
    started_.store(in_flight_);
    for (uint64_t i = 0; i < in_flight_; ++i) send_([this] { OnAnswer(); });
    MutexLock lock(mutex_);
    while (!done_) finished_.Wait(mutex_);
  }

 private:
  void OnAnswer() {
    if (started_.fetch_add(1) < total_) {
      send_([this] { OnAnswer(); });
    }
    if (answered_.fetch_add(1) + 1 < total_) return;
    MutexLock lock(mutex_);
    done_ = true;
    finished_.NotifyAll();
  }

  const uint64_t total_;
  const uint64_t in_flight_;
  const SendOne send_;
  std::atomic<uint64_t> started_{0};
  std::atomic<uint64_t> answered_{0};
  Mutex mutex_;
  CondVar finished_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

void Unary(benchmark::State& state, bool minimal_stack) {
  CHECK(tikvpb::BatchCommandsRequest::descriptor() != nullptr);
  Bench bench(minimal_stack);
  kvrpcpb::RawGetRequest request;
  request.set_key(std::string(64, 'k'));
  const auto send = [&](auto next) {
    CallUnary<kvrpcpb::RawGetResponse>(bench.loop(), bench.channel(), "tikvpb.Tikv/RawGet", request,
                                       {kTimeout, true},
                                       [next](absl::StatusOr<kvrpcpb::RawGetResponse> response) {
                                         CHECK(response.ok()) << response.status();
                                         next();
                                       });
  };
  constexpr uint64_t kCalls = 20'000;
  for (auto _ : state) Pump(kCalls, state.range(0), send).Run();
  state.SetItemsProcessed(state.iterations() * kCalls);
}

void Batch(benchmark::State& state) {
  Bench bench(false);
  BatchClient client(bench.loop(), bench.channel(), {}, env::Random(1));
  const auto send = [&](auto next) {
    BatchClient::Request request;
    request.mutable_rawget()->set_key(std::string(64, 'k'));
    client.Send(std::move(request), kTimeout, [next](absl::StatusOr<BatchClient::Response> answer) {
      CHECK(answer.ok()) << answer.status();
      next();
    });
  };
  constexpr uint64_t kCalls = 100'000;
  for (auto _ : state) Pump(kCalls, state.range(0), send).Run();
  state.SetItemsProcessed(state.iterations() * kCalls);
}

BENCHMARK_CAPTURE(Unary, full_stack, false)->Arg(1)->Arg(16)->Arg(64)->Arg(256)->UseRealTime();
BENCHMARK_CAPTURE(Unary, minimal_stack, true)->Arg(64)->Arg(256)->UseRealTime();
BENCHMARK(Batch)->Arg(1)->Arg(16)->Arg(64)->Arg(256)->Arg(4096)->UseRealTime();

}  // namespace
}  // namespace flotilla::rpc
