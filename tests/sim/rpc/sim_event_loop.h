// The event loop of a simulated process: tasks and timers of its stage, calls and streams over the
// fabric.
//
// Not thread-safe: all of a simulation runs in one thread.
#ifndef FLOTILLA_TESTS_SIM_RPC_SIM_EVENT_LOOP_H_
#define FLOTILLA_TESTS_SIM_RPC_SIM_EVENT_LOOP_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/rpc/event_loop.h"
#include "tests/sim/rpc/fabric.h"
#include "tests/support/sim_world.h"

namespace flotilla::sim {

class SimEventLoop final : public rpc::EventLoop, public env::Stage {
 public:
  // Becomes a stage of `process`, which runs on `host`.
  SimEventLoop(const std::string& host, testing::SimScheduler* process, Fabric* fabric);
  // REQUIRES: stopped.
  ~SimEventLoop() override;

  const Endpoint& endpoint() const { return endpoint_; }
  Fabric* fabric() { return fabric_; }
  // The process is gone: nobody out there hears of it any more, and what is under way in it ends by
  // its callbacks, now. Again: so does what came meanwhile.
  void Stop();

  void Post(Task task) override;
  void RunAfter(env::Duration delay, Task task) override;
  bool stopping() const override { return stopping_; }
  const env::Clock& clock() const override { return *process_; }
  void CallUnary(const std::shared_ptr<rpc::Channel>& channel, std::string_view method,
                 const Message& request, std::unique_ptr<Message> response,
                 const rpc::CallOptions& options, UnaryDone done) override;
  std::shared_ptr<rpc::StreamControl> OpenStream(
      const std::shared_ptr<rpc::Channel>& channel, std::string_view method,
      std::shared_ptr<rpc::ClientStreamHandler> handler) override;

  // For streams: the loop keeps them as long as they are open.
  uint64_t Keep(std::shared_ptr<StreamEnd> end);
  void Forget(uint64_t stream) { streams_.erase(stream); }

  std::string_view name() const override { return "rpc"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override;

 private:
  struct Call {
    std::unique_ptr<Message> response;
    UnaryDone done;
  };
  void Finish(uint64_t call, absl::Status status, std::unique_ptr<Message> response);
  void RunTasks();
  void RunTimers(bool all);

  testing::SimScheduler* const process_;
  Fabric* const fabric_;
  env::Waker* const waker_;
  const Endpoint endpoint_;
  bool stopping_ = false;
  std::deque<Task> tasks_;
  std::multimap<env::Instant, Task> timers_;
  std::map<uint64_t, Call> calls_;
  std::map<uint64_t, std::shared_ptr<StreamEnd>> streams_;
  uint64_t next_id_ = 1;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_RPC_SIM_EVENT_LOOP_H_
