// Where everything runs that a process sends and receives by RPC: tasks, timers, and the calls and
// streams to other processes. Knows no gRPC: GrpcEventLoop is production's; a simulator has one
// whose thread, time and network are its own.
//
// Thread-safe. Handlers and callbacks run on the loop thread and must not block it.
#ifndef FLOTILLA_COMMON_RPC_EVENT_LOOP_H_
#define FLOTILLA_COMMON_RPC_EVENT_LOOP_H_

#include <google/protobuf/message.h>

#include <memory>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/env/clock.h"

namespace flotilla::rpc {

class Channel;
class ClientStreamHandler;
class StreamControl;

struct CallOptions {
  // After it the call fails with DeadlineExceeded.
  env::Duration timeout = std::chrono::seconds(5);
  // Wait for a connection until the timeout, instead of failing with Unavailable at once when the
  // server cannot be reached.
  bool wait_for_ready = false;
};

class EventLoop {
 public:
  using Task = absl::AnyInvocable<void() &&>;
  using Message = google::protobuf::Message;
  using UnaryDone = absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&>;

  virtual ~EventLoop() = default;

  // Runs `task` on the loop thread, soon. Once the loop has stopped it is dropped.
  virtual void Post(Task task) = 0;
  // Runs `task` on the loop thread after `delay`, or early when the loop stops.
  virtual void RunAfter(env::Duration delay, Task task) = 0;

  // The loop is being stopped: what breaks now need not be repaired.
  virtual bool stopping() const = 0;
  virtual const env::Clock& clock() const = 0;

  // Calls `method`, "package.Service/Method". `response`, empty, is filled and given to `done`,
  // once, on the loop thread. When the loop is stopping, `done` is called with Cancelled before
  // this returns.
  virtual void CallUnary(const std::shared_ptr<Channel>& channel, std::string_view method,
                         const Message& request, std::unique_ptr<Message> response,
                         const CallOptions& options, UnaryDone done) = 0;
  // Opens a stream of `method`. Fails fast, by way of OnClosed, when the server cannot be reached.
  // Close of the result cancels it. Null when the loop is stopping: the handler is then not called
  // at all.
  virtual std::shared_ptr<StreamControl> OpenStream(
      const std::shared_ptr<Channel>& channel, std::string_view method,
      std::shared_ptr<ClientStreamHandler> handler) = 0;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_EVENT_LOOP_H_
