// One end of a simulated bidirectional stream, pumped as the ends over gRPC are: filled when there
// is something to send and few messages are on their way, read when its handler is ready.
//
// Not thread-safe: all of a simulation runs in one thread.
#ifndef FLOTILLA_TESTS_SIM_RPC_STREAM_END_H_
#define FLOTILLA_TESTS_SIM_RPC_STREAM_END_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/stream.h"
#include "tests/sim/rpc/fabric.h"

namespace flotilla::sim {

class StreamEnd final : public rpc::StreamControl, public std::enable_shared_from_this<StreamEnd> {
 public:
  using Message = google::protobuf::Message;

  StreamEnd(SimEventLoop* loop, std::string peer) : loop_(loop), peer_(std::move(peer)) {}

  // It waits for Connected.
  void StartAsClient(std::shared_ptr<rpc::ClientStreamHandler> handler);
  // The client's end at `other`.
  void StartAsServer(const rpc::StreamAcceptor& acceptor, const Endpoint& other_process,
                     std::weak_ptr<StreamEnd> other);
  // The server has taken the stream.
  void Connected(const Endpoint& other_process, std::weak_ptr<StreamEnd> other);
  // The connection broke, or the process is going.
  void Break(absl::Status status);

  // No message that it sends from now on is ever read.
  void StandStill() { stands_still_ = true; }

  void Wake() override;
  void Close(absl::Status status) override;
  std::string peer() const override { return peer_; }

  SimEventLoop* loop() { return loop_; }

 private:
  // Messages on their way in one direction.
  static constexpr int kWindow = 2;

  void Pump();
  void PumpIn();
  // False when the window is full.
  bool PumpOut();
  // As the handler reads it, which may be another type with the same form on the wire.
  Message* AsIncoming(Message& message);
  void SendToOther(absl::AnyInvocable<void(StreamEnd&) &&> what, size_t bytes = 0);
  void OnArrived(std::unique_ptr<Message> message);
  void End(const absl::Status& status);

  SimEventLoop* const loop_;
  const std::string peer_;
  std::shared_ptr<rpc::StreamHandler> handler_;  // Null when it is over.
  rpc::ClientStreamHandler* client_handler_ = nullptr;
  Endpoint other_process_;
  std::weak_ptr<StreamEnd> other_;
  uint64_t kept_as_ = 0;
  bool connected_ = false;
  bool pump_scheduled_ = false;
  bool stands_still_ = false;
  int on_the_way_ = 0;
  std::unique_ptr<Message> outgoing_;
  std::unique_ptr<Message> incoming_;
  std::deque<std::unique_ptr<Message>> arrived_;
  std::optional<absl::Status> close_with_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_RPC_STREAM_END_H_
