// The life of a stream: accepted, pumped until the client stops sending or either side closes it,
// finished once, ended when all operations came back.

#include "common/rpc/server_stream.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/rpc/grpc_status.h"

namespace flotilla::rpc {

ServerStream::ServerStream(StreamMethod* method)
    : method_(method),
      loop_(method->core()->loop),
      context_(std::make_unique<grpc::ServerContext>()),
      stream_(std::make_unique<grpc::ServerAsyncReaderWriter<Message, Message>>(context_.get())) {}

ServerStream::~ServerStream() = default;

void ServerStream::Accept() {
  self_ = shared_from_this();
  method_->core()->live_calls.Add();
  context_->AsyncNotifyWhenDone(done_.HandOver());
  ServerCore* const core = method_->core();
  core->service.RequestStream(method_->index(), context_.get(), stream_.get(), core->loop->queue(),
                              &accepted_);
}

void ServerStream::OnAccepted(bool ok) {
  if (!ok) {
    // The server is shutting down; done_ never comes for a stream that was not accepted.
    Release();
    return;
  }
  method_->AcceptOne();
  peer_ = context_->peer();
  absl::StatusOr<std::shared_ptr<StreamHandler>> handler = method_->Open(shared_from_this());
  if (!handler.ok()) {
    Refuse(handler.status());
    return;
  }
  handler_ = *std::move(handler);
  incoming_ = handler_->NewIncoming();
  outgoing_ = handler_->NewOutgoing();
  Pump();
}

void ServerStream::OnRead(bool ok) {
  progress_.reading = false;
  if (!ok) {
    progress_.half_closed = true;
  } else if (!progress_.finishing) {
    progress_.quiet = false;
    // Answers that come while messages are handled that have arrived together are written together,
    // by one Pump after the last of them: else each answer would cost a system call. A Wake on
    // another thread that finds the flag set happened after its push, which that Pump sees.
    pump_scheduled_.store(true);
    handler_->OnIncoming(incoming_.get());
    incoming_->Clear();
    if (!progress_.broken) {
      MaybeRead();
      PumpBeforeWaiting();
      return;
    }
    pump_scheduled_.store(false);
  }
  Pump();
  MaybeEnd();
}

void ServerStream::PumpBeforeWaiting() {
  if (std::exchange(progress_.pumps_before_waiting, true)) return;
  loop_->RunBeforeWaiting([self = shared_from_this()] {
    self->progress_.pumps_before_waiting = false;
    self->pump_scheduled_.store(false);
    if (self->handler_ == nullptr) return;
    self->Pump();
    self->MaybeEnd();
  });
}

void ServerStream::OnWritten(bool ok) {
  progress_.writing = false;
  if (!ok) progress_.broken = true;
  Pump();
  MaybeEnd();
}

void ServerStream::OnFinished(bool /*ok*/) {
  progress_.finish_returned = true;
  MaybeEnd();
}

void ServerStream::OnDone(bool /*ok*/) {
  progress_.done_returned = true;
  if (context_->IsCancelled()) progress_.broken = true;
  Pump();
  MaybeEnd();
}

void ServerStream::Pump() {
  if (progress_.finishing) return;
  if (progress_.broken) {
    Finish(absl::CancelledError("the client went away"));
    return;
  }
  MaybeWrite();
  MaybeRead();
  if (progress_.writing) return;
  std::optional<absl::Status> close_with;
  {
    MutexLock lock(mutex_);
    close_with = close_with_;
  }
  if (close_with.has_value()) {
    Finish(*std::move(close_with));
  } else if (progress_.half_closed && !handler_->HasOutstanding()) {
    Finish(absl::OkStatus());
  }
}

void ServerStream::MaybeRead() {
  if (progress_.reading || progress_.half_closed || !handler_->ReadyToRead()) return;
  progress_.reading = true;
  stream_->Read(incoming_.get(), read_.HandOver());
}

void ServerStream::MaybeWrite() {
  if (progress_.writing || !handler_->FillNext(outgoing_.get())) return;
  progress_.writing = true;
  // The message is serialized before Write returns.
  stream_->Write(*outgoing_, written_.HandOver());
  outgoing_->Clear();
}

void ServerStream::EndIfQuiet() {
  if (progress_.finishing) return;
  const bool owes_nothing = !AnswersRequests() || (progress_.quiet && !handler_->HasOutstanding());
  if (owes_nothing && !progress_.writing) {
    const absl::Status status = absl::UnavailableError("the server is shutting down");
    // What still comes is not read any more. A handler that answers all it was given owes nothing:
    // its client may repeat whatever has no answer.
    if (AnswersRequests()) {
      Refuse(status);
    } else {
      Finish(status);
    }
    return;
  }
  progress_.quiet = true;
}

void ServerStream::Refuse(absl::Status status) {
  TellNotExecuted(*context_);
  Finish(std::move(status));
}

void ServerStream::Finish(absl::Status status) {
  CHECK(!progress_.finishing);
  progress_.finishing = true;
  final_status_ = std::move(status);
  stream_->Finish(ToGrpc(final_status_), finished_.HandOver());
}

void ServerStream::MaybeEnd() {
  if (!progress_.finish_returned || !progress_.done_returned || progress_.reading ||
      progress_.writing) {
    return;
  }
  if (handler_ != nullptr) {
    method_->OnEnded(shared_from_this(), final_status_);
    // The handler may hold this control: the cycle ends here.
    std::exchange(handler_, nullptr)->OnClosed(final_status_);
  }
  Release();
}

void ServerStream::Release() {
  stream_.reset();
  context_.reset();
  method_->core()->live_calls.Remove();
  // May destroy this.
  const std::shared_ptr<ServerStream> self = std::move(self_);
}

void ServerStream::Wake() {
  if (pump_scheduled_.exchange(true)) return;
  loop_->Post([self = shared_from_this()] {
    self->pump_scheduled_.store(false);
    if (self->handler_ != nullptr) self->Pump();
  });
}

void ServerStream::Close(absl::Status status) {
  {
    MutexLock lock(mutex_);
    if (!close_with_.has_value()) close_with_ = std::move(status);
  }
  Wake();
}

StreamMethod::StreamMethod(const std::string& name, StreamAcceptor acceptor, ServerCore* core)
    : core_(core),
      acceptor_(std::move(acceptor)),
      index_(core->service.Add(name, DynamicService::Kind::kStream)),
      metrics_(core->registry, core->options.name, name) {}

void StreamMethod::AcceptOne() { std::make_shared<ServerStream>(this)->Accept(); }

absl::StatusOr<std::shared_ptr<StreamHandler>> StreamMethod::Open(
    const std::shared_ptr<ServerStream>& stream) {
  metrics_.requests.Increment();
  absl::Status refusal;
  if (core_->draining) {
    refusal = absl::UnavailableError("the server is shutting down");
  } else if (core_->stream_count >= core_->options.max_streams) {
    refusal = absl::ResourceExhaustedError(ToAbsl(
        fmt::format("more than {} streams are open on this server", core_->options.max_streams)));
  }
  if (!refusal.ok()) {
    core_->refused.Increment();
    metrics_.errors.Increment();
    return refusal;
  }
  ++core_->stream_count;
  core_->open_streams.Increment();
  open_.insert(stream);
  return acceptor_(stream);
}

void StreamMethod::OnEnded(const std::shared_ptr<ServerStream>& stream,
                           const absl::Status& status) {
  if (!status.ok() && !absl::IsCancelled(status)) metrics_.errors.Increment();
  --core_->stream_count;
  core_->open_streams.Decrement();
  open_.erase(stream);
}

}  // namespace flotilla::rpc
