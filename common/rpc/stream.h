// Bidirectional streams, the same for both ends. Knows no gRPC.
//
// Sending is by pulling: whoever has something to send puts it into its own queue (stream_queue.h)
// and calls Wake; as soon as the stream can send, it asks the handler to fill one message with all
// that waits. That is how answers are batched under load without a timer.
//
// Threads: a handler is called on the loop thread only, one call at a time. A StreamControl is
// thread-safe.
#ifndef FLOTILLA_COMMON_RPC_STREAM_H_
#define FLOTILLA_COMMON_RPC_STREAM_H_

#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"

namespace flotilla::rpc {

class StreamControl {
 public:
  virtual ~StreamControl() = default;
  // There is something to send, or room to read again. Cheap; harmless when the stream is closed.
  virtual void Wake() = 0;
  // Ends the stream: a server sends what FillNext still gives and then `status`; a client cancels
  // at once. The handler's OnClosed follows.
  virtual void Close(absl::Status status) = 0;
  // The handler refuses what it was just given, and will refuse more: what comes next may be left
  // to gather for a moment. Loop thread only.
  virtual void Gather() {}
  // The address of the other end, for logs.
  virtual std::string peer() const = 0;
};

class StreamHandler {
 public:
  using Message = google::protobuf::Message;

  virtual ~StreamHandler() = default;

  virtual std::unique_ptr<Message> NewIncoming() const = 0;
  virtual std::unique_ptr<Message> NewOutgoing() const = 0;
  // May move parts out of `message`.
  virtual void OnIncoming(Message* message) = 0;
  // Fills `message`, which is empty; false when nothing waits.
  virtual bool FillNext(Message* message) = 0;

  // False: read nothing more until the next Wake, because too much is under way already.
  virtual bool ReadyToRead() { return true; }
  // True: answers are still to come; a stream whose client has stopped sending, or one of requests
  // (EndsOnlyWhenQuiet) whose server drains, stays open until it is false.
  virtual bool HasOutstanding() { return false; }
  // What a draining server must know. True: each message is answered, and HasOutstanding is true
  // until it is. False: the client repeats whatever gets lost, so that the stream may end while
  // messages still come.
  virtual bool EndsOnlyWhenQuiet() const { return true; }
  // The last call. On a server `status` is what was sent, or Cancelled when the client went away.
  virtual void OnClosed(const absl::Status& status) = 0;
};

// What implementations derive from.
template <typename Incoming, typename Outgoing>
class TypedStreamHandler : public StreamHandler {
 public:
  std::unique_ptr<Message> NewIncoming() const final { return std::make_unique<Incoming>(); }
  std::unique_ptr<Message> NewOutgoing() const final { return std::make_unique<Outgoing>(); }
  void OnIncoming(Message* message) final { OnMessage(static_cast<Incoming*>(message)); }
  bool FillNext(Message* message) final { return Fill(static_cast<Outgoing*>(message)); }

 protected:
  virtual void OnMessage(Incoming* message) = 0;
  virtual bool Fill(Outgoing* message) = 0;
};

// Called on the loop thread for each stream that a client opens. The control may be kept as long as
// the handler lives.
using StreamAcceptor =
    std::function<std::shared_ptr<StreamHandler>(std::shared_ptr<StreamControl> control)>;

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_STREAM_H_
