#include "tests/sim/rpc/sim_event_loop.h"

#include <utility>

#include "common/base/check.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "tests/sim/rpc/stream_end.h"

namespace flotilla::sim {

SimEventLoop::SimEventLoop(const std::string& host, testing::SimScheduler* process, Fabric* fabric)
    : process_(process),
      fabric_(fabric),
      waker_(process->Add(this)),
      endpoint_(fabric->Attach(host, this, process)) {}

SimEventLoop::~SimEventLoop() { CHECK(stopping_) << endpoint_.host; }

void SimEventLoop::Stop() {
  if (!std::exchange(stopping_, true)) fabric_->Detach(endpoint_.host);
  // What is begun meanwhile is refused, so that this ends.
  while (!calls_.empty() || !streams_.empty() || !tasks_.empty() || !timers_.empty()) {
    if (!calls_.empty()) {
      Finish(calls_.begin()->first, absl::CancelledError("the event loop is stopping"), nullptr);
    } else if (!streams_.empty()) {
      const std::shared_ptr<StreamEnd> stream = streams_.begin()->second;
      stream->Break(absl::CancelledError("the event loop is stopping"));
    } else if (!tasks_.empty()) {
      RunTasks();
    } else {
      RunTimers(/*all=*/true);
    }
  }
}

void SimEventLoop::Post(Task task) {
  tasks_.push_back(std::move(task));
  waker_->Wake();
}

void SimEventLoop::RunAfter(env::Duration delay, Task task) {
  timers_.emplace(process_->Now() + delay, std::move(task));
  waker_->Wake();
}

void SimEventLoop::CallUnary(const std::shared_ptr<rpc::Channel>& channel, std::string_view method,
                             const Message& request, std::unique_ptr<Message> response,
                             const rpc::CallOptions& options, UnaryDone done) {
  if (stopping_) {
    std::move(done)(absl::CancelledError("the event loop is stopping"), nullptr);
    return;
  }
  const uint64_t id = next_id_++;
  calls_[id] = {std::move(response), std::move(done)};
  RunAfter(options.timeout,
           [this, id] { Finish(id, absl::DeadlineExceededError("Deadline Exceeded"), nullptr); });
  std::unique_ptr<Message> copy(request.New());
  copy->CopyFrom(request);
  fabric_->Call(endpoint_, channel->address(), std::string(method), std::move(copy),
                options.timeout, [this, id](absl::Status status, std::unique_ptr<Message> answer) {
                  Finish(id, std::move(status), std::move(answer));
                });
}

void SimEventLoop::Finish(uint64_t id, absl::Status status, std::unique_ptr<Message> answer) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;  // Its time was over before.
  Call call = std::move(found->second);
  calls_.erase(found);
  if (answer != nullptr && status.ok())
    call.response->GetReflection()->Swap(&*call.response, &*answer);
  std::move(call.done)(std::move(status), std::move(call.response));
}

std::shared_ptr<rpc::StreamControl> SimEventLoop::OpenStream(
    const std::shared_ptr<rpc::Channel>& channel, std::string_view method,
    std::shared_ptr<rpc::ClientStreamHandler> handler) {
  if (stopping_) return nullptr;
  auto end = std::make_shared<StreamEnd>(this, channel->address());
  end->StartAsClient(std::move(handler));
  fabric_->Open(end, channel->address(), std::string(method));
  return end;
}

uint64_t SimEventLoop::Keep(std::shared_ptr<StreamEnd> end) {
  const uint64_t id = next_id_++;
  streams_[id] = std::move(end);
  return id;
}

bool SimEventLoop::RunOnce() {
  RunTasks();
  RunTimers(/*all=*/false);
  return !tasks_.empty();
}

void SimEventLoop::RunTasks() {
  std::deque<Task> tasks;
  tasks.swap(tasks_);
  for (Task& task : tasks) std::move(task)();
}

void SimEventLoop::RunTimers(bool all) {
  const env::Instant now = process_->Now();
  while (!timers_.empty() && (all || timers_.begin()->first <= now)) {
    Task task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    std::move(task)();
  }
}

std::optional<env::Instant> SimEventLoop::next_deadline() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first;
}

}  // namespace flotilla::sim
