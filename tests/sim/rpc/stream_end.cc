#include "tests/sim/rpc/stream_end.h"

#include <utility>

#include "common/base/check.h"
#include "tests/sim/rpc/sim_event_loop.h"

namespace flotilla::sim {

void StreamEnd::StartAsClient(std::shared_ptr<rpc::ClientStreamHandler> handler) {
  client_handler_ = handler.get();
  handler_ = std::move(handler);
  kept_as_ = loop_->Keep(shared_from_this());
}

void StreamEnd::StartAsServer(const rpc::StreamAcceptor& acceptor, const Endpoint& other_process,
                              std::weak_ptr<StreamEnd> other) {
  other_process_ = other_process;
  other_ = std::move(other);
  connected_ = true;
  kept_as_ = loop_->Keep(shared_from_this());
  handler_ = acceptor(shared_from_this());
  Pump();
}

void StreamEnd::Connected(const Endpoint& other_process, std::weak_ptr<StreamEnd> other) {
  if (handler_ == nullptr) return;
  other_process_ = other_process;
  other_ = std::move(other);
  connected_ = true;
  client_handler_->OnOpened();
  Pump();
}

void StreamEnd::Break(absl::Status status) { End(status); }

void StreamEnd::Wake() {
  if (handler_ == nullptr || pump_scheduled_) return;
  pump_scheduled_ = true;
  loop_->Post([self = shared_from_this()] {
    self->pump_scheduled_ = false;
    self->Pump();
  });
}

void StreamEnd::Close(absl::Status status) {
  if (!close_with_.has_value()) close_with_ = std::move(status);
  Wake();
}

void StreamEnd::Pump() {
  if (handler_ == nullptr) return;
  if (client_handler_ != nullptr && close_with_.has_value()) {
    // A client cancels at once.
    SendToOther([](StreamEnd& server) { server.End(absl::CancelledError("CANCELLED")); });
    End(*close_with_);
    return;
  }
  if (!connected_) return;
  PumpIn();
  if (handler_ == nullptr || !PumpOut() || !close_with_.has_value()) return;
  if (client_handler_ != nullptr) return;
  SendToOther([status = *close_with_](StreamEnd& client) { client.End(status); });
  End(*close_with_);
}

void StreamEnd::PumpIn() {
  while (handler_ != nullptr && !arrived_.empty() && handler_->ReadyToRead()) {
    std::unique_ptr<Message> message = std::move(arrived_.front());
    arrived_.pop_front();
    // What it wakes is pumped right after.
    const std::shared_ptr<rpc::StreamHandler> handler = handler_;
    handler->OnIncoming(AsIncoming(*message));
  }
}

rpc::StreamHandler::Message* StreamEnd::AsIncoming(Message& message) {
  if (incoming_ == nullptr) incoming_ = handler_->NewIncoming();
  if (incoming_->GetDescriptor() == message.GetDescriptor()) return &message;
  CHECK(incoming_->ParseFromString(message.SerializeAsString()))
      << incoming_->GetTypeName() << " is not " << message.GetTypeName() << " on the wire";
  return incoming_.get();
}

bool StreamEnd::PumpOut() {
  while (on_the_way_ < kWindow) {
    if (outgoing_ == nullptr) outgoing_ = handler_->NewOutgoing();
    if (!handler_->FillNext(outgoing_.get())) return true;
    ++on_the_way_;
    if (stands_still_) {
      outgoing_ = nullptr;
      continue;
    }
    loop_->fabric()->TellTap(loop_->endpoint(), other_process_, *outgoing_);
    const size_t bytes = loop_->fabric()->BytesOf(*outgoing_);
    SendToOther([message = std::move(outgoing_)](
                    StreamEnd& other) mutable { other.OnArrived(std::move(message)); },
                bytes);
  }
  return false;
}

void StreamEnd::OnArrived(std::unique_ptr<Message> message) {
  if (handler_ == nullptr) return;
  SendToOther([](StreamEnd& sender) {
    --sender.on_the_way_;
    sender.Pump();
  });
  arrived_.push_back(std::move(message));
  Pump();
}

void StreamEnd::SendToOther(absl::AnyInvocable<void(StreamEnd&) &&> what, size_t bytes) {
  if (!connected_) return;
  loop_->fabric()->Send(
      loop_->endpoint(), other_process_,
      [other = other_, what = std::move(what)]() mutable {
        if (const auto end = other.lock()) std::move(what)(*end);
      },
      [self = weak_from_this()] {
        if (const auto end = self.lock()) end->End(absl::UnavailableError("Socket closed"));
      },
      bytes);
}

void StreamEnd::End(const absl::Status& status) {
  if (handler_ == nullptr) return;
  const std::shared_ptr<StreamEnd> self = shared_from_this();
  const std::shared_ptr<rpc::StreamHandler> handler = std::exchange(handler_, nullptr);
  loop_->Forget(kept_as_);
  // A client's own reason stands, whatever came first.
  handler->OnClosed(client_handler_ != nullptr && close_with_.has_value() ? *close_with_ : status);
}

}  // namespace flotilla::sim
