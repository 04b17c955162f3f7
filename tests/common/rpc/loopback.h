// A server and a client, each on its own event loop, over loopback.
#ifndef FLOTILLA_TESTS_COMMON_RPC_LOOPBACK_H_
#define FLOTILLA_TESTS_COMMON_RPC_LOOPBACK_H_

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_event_loop.h"
#include "common/rpc/server.h"

namespace flotilla::rpc {

inline constexpr std::chrono::seconds kTestDeadline(20);

// A value that one thread sets and another waits for. Copies share it.
template <typename T>
class Box {
 public:
  void Set(T value) const {
    MutexLock lock(state_->mutex);
    state_->value = std::move(value);
    state_->changed.NotifyAll();
  }
  template <typename Change>
  void Update(Change change) const {
    MutexLock lock(state_->mutex);
    change(state_->value);
    state_->changed.NotifyAll();
  }
  T Get() const {
    MutexLock lock(state_->mutex);
    return state_->value;
  }
  // True once `condition` holds of the value; false when it does not within the tests' deadline.
  template <typename Condition>
  [[nodiscard]] bool WaitUntil(Condition condition) const {
    const auto deadline = clock_.Now() + kTestDeadline;
    MutexLock lock(state_->mutex);
    while (!condition(state_->value)) {
      if (clock_.Now() >= deadline) return false;
      state_->changed.WaitFor(state_->mutex, std::chrono::milliseconds(100));
    }
    return true;
  }

 private:
  struct State {
    Mutex mutex;
    CondVar changed;
    T value{};
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  env::SystemClock clock_;
};

// Bind to `server`, Start, use, Stop; at most one life.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {})
      : loop_("test-server", &clock_), server_(std::move(options), &loop_, &registry_) {}
  ~TestServer() { Stop(std::chrono::seconds(0)); }

  void Start() {
    loop_.Start();
    const absl::Status status = server_.Start();
    ASSERT_TRUE(status.ok()) << status;
    port_ = server_.port();
  }
  void Stop(env::Duration grace) {
    server_.Shutdown(grace);
    loop_.Stop();
  }

  Server& server() { return server_; }
  GrpcEventLoop& loop() { return loop_; }
  metrics::Registry& registry() { return registry_; }
  int port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  env::SystemClock clock_;
  metrics::Registry registry_;
  GrpcEventLoop loop_;
  Server server_;
  int port_ = 0;
};

class TestClient {
 public:
  explicit TestClient(const ChannelOptions& options = {})
      : pool_(options), loop_("test-client", &clock_) {
    loop_.Start();
  }
  ~TestClient() { loop_.Stop(); }

  GrpcEventLoop& loop() { return loop_; }
  ChannelPool& pool() { return pool_; }

 private:
  env::SystemClock clock_;
  ChannelPool pool_;
  GrpcEventLoop loop_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_TESTS_COMMON_RPC_LOOPBACK_H_
