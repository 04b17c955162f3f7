// A stream to one server that is opened again, after a backoff, whenever it breaks. What it
// carries, and to which server, is its delegate's business.
//
// Threads: the delegate is called on the loop thread, one call at a time. Start, Wake and Stop are
// thread-safe.
#ifndef FLOTILLA_COMMON_RPC_RECONNECTING_STREAM_H_
#define FLOTILLA_COMMON_RPC_RECONNECTING_STREAM_H_

#include <google/protobuf/message.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/backoff.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/event_loop.h"

namespace flotilla::rpc {

class StreamDelegate {
 public:
  using Message = google::protobuf::Message;
  using ConnectDone = absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<Channel>>) &&>;

  virtual ~StreamDelegate() = default;

  // Finds the server; `done` is called once, on any thread.
  virtual void Connect(ConnectDone done) = 0;
  virtual std::unique_ptr<Message> NewIncoming() const = 0;
  virtual std::unique_ptr<Message> NewOutgoing() const = 0;
  // As in StreamHandler.
  virtual void OnIncoming(Message* message) = 0;
  virtual bool FillNext(Message* message) = 0;
  // Asked whenever the stream is down and may connect now. False: do not until the next Wake,
  // because there is nothing to say.
  virtual bool WantsStream() { return true; }
  virtual void OnUp() {}
  // The stream broke, or could not be opened (`was_up` false).
  virtual void OnDown(const absl::Status& status, bool was_up) = 0;
};

class ReconnectingStream final : public std::enable_shared_from_this<ReconnectingStream> {
 public:
  // `method`: "package.Service/Method". The stream keeps the delegate until it is stopped.
  ReconnectingStream(EventLoop* loop, std::string method, const BackoffOptions& backoff,
                     env::Random random, std::shared_ptr<StreamDelegate> delegate);

  // Begins to connect, if the delegate wants to.
  void Start();
  // There is something to send.
  void Wake();
  // Gives the present stream up, as if it had broken.
  void Restart();
  // Cancels the stream and lets go of the delegate, which is told OnDown for the last time. Further
  // calls do nothing.
  void Stop();

 private:
  class Attempt;
  enum class State { kIdle, kConnecting, kOpening, kUp, kWaiting, kStopped };

  void Run(void (ReconnectingStream::*step)());
  void MaybeConnect();
  void OnConnected(absl::StatusOr<std::shared_ptr<Channel>> channel);
  void OnOpened();
  void OnClosed(const absl::Status& status);
  void WakeInLoop();
  void RestartInLoop();
  void StopInLoop();

  EventLoop* const loop_;
  const std::string method_;
  std::atomic<bool> wake_posted_{false};

  // Loop thread only.
  State state_ = State::kIdle;
  Backoff backoff_;
  std::shared_ptr<StreamDelegate> delegate_;
  std::shared_ptr<StreamControl> control_;
  env::Instant up_since_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_RECONNECTING_STREAM_H_
