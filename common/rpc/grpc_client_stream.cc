// A stream from the client's side, the mirror of server_stream.cc: started, pumped until either
// side ends it, finished once no read or write is under way, closed.

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/async_stream.h>

#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "common/base/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/completion.h"
#include "common/rpc/grpc_event_loop.h"
#include "common/rpc/grpc_status.h"

namespace flotilla::rpc {
namespace {

using MessageLite = google::protobuf::MessageLite;
using Stub = grpc::TemplatedGenericStub<MessageLite, MessageLite>;

class ClientStream final : public StreamControl,
                           public GrpcEventLoop::Operation,
                           public std::enable_shared_from_this<ClientStream> {
 public:
  ClientStream(GrpcEventLoop* loop, std::shared_ptr<Channel> channel,
               std::shared_ptr<ClientStreamHandler> handler)
      : loop_(loop),
        channel_(std::move(channel)),
        handler_(std::move(handler)),
        incoming_(handler_->NewIncoming()),
        outgoing_(handler_->NewOutgoing()) {}

  void Start(const std::string& path) {
    self_ = shared_from_this();
    Stub stub(channel_->grpc_channel());
    stream_ = stub.PrepareCall(context_.get(), path, loop_->queue());
    stream_->StartCall(started_.HandOver());
  }

  void Wake() override {
    if (pump_scheduled_.exchange(true)) return;
    loop_->Post([self = shared_from_this()] {
      self->pump_scheduled_.store(false);
      self->Pump();
    });
  }

  void Close(absl::Status status) override {
    {
      MutexLock lock(mutex_);
      if (!close_with_.has_value()) close_with_ = std::move(status);
    }
    Cancel();
  }

  void Cancel() override {
    MutexLock lock(mutex_);
    if (context_ != nullptr) context_->TryCancel();
  }

  std::string peer() const override { return channel_->address(); }

 private:
  // Operations under way, and what has happened.
  struct Progress {
    bool started_returned = false;
    bool reading = false;
    bool writing = false;
    bool write_failed = false;
    bool broken = false;
    bool finishing = false;
  };

  void OnStarted(bool ok) {
    // Whatever comes first, a started stream or a broken one, it is pumped from now on.
    progress_.broken = !ok;
    progress_.started_returned = true;
    if (ok) handler_->OnOpened();
    Pump();
  }

  void OnRead(bool ok) {
    progress_.reading = false;
    if (!ok) {
      progress_.broken = true;
    } else {
      pump_scheduled_.store(true);
      handler_->OnIncoming(incoming_.get());
      incoming_->Clear();
      pump_scheduled_.store(false);
    }
    Pump();
  }

  void OnWritten(bool ok) {
    progress_.writing = false;
    // What the server still said, and its status, is read.
    if (!ok) progress_.write_failed = true;
    Pump();
  }

  void OnFinished(bool /*ok*/) {
    absl::Status status = FromGrpc(grpc_status_, *context_);
    {
      MutexLock lock(mutex_);
      if (close_with_.has_value()) status = *close_with_;
    }
    loop_->Unregister(this);
    // Whoever still holds this control may outlive the loop's queue.
    stream_.reset();
    {
      MutexLock lock(mutex_);
      context_.reset();
    }
    // The handler may hold this control: the cycle ends here.
    std::exchange(handler_, nullptr)->OnClosed(status);
    const std::shared_ptr<ClientStream> self = std::move(self_);
  }

  void Pump() {
    if (!progress_.started_returned || progress_.finishing) return;
    if (progress_.broken) {
      // A read that is still under way ends soon: the stream is.
      if (progress_.reading || progress_.writing) return;
      progress_.finishing = true;
      stream_->Finish(&grpc_status_, finished_.HandOver());
      return;
    }
    if (!progress_.writing && !progress_.write_failed && handler_->FillNext(outgoing_.get())) {
      progress_.writing = true;
      stream_->Write(*outgoing_, written_.HandOver());
      outgoing_->Clear();
    }
    if (!progress_.reading && (progress_.write_failed || handler_->ReadyToRead())) {
      progress_.reading = true;
      stream_->Read(incoming_.get(), read_.HandOver());
    }
  }

  GrpcEventLoop* const loop_;
  const std::shared_ptr<Channel> channel_;
  grpc::Status grpc_status_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<MessageLite, MessageLite>> stream_;
  MemberCompletion<ClientStream> started_{this, &ClientStream::OnStarted};
  MemberCompletion<ClientStream> read_{this, &ClientStream::OnRead};
  MemberCompletion<ClientStream> written_{this, &ClientStream::OnWritten};
  MemberCompletion<ClientStream> finished_{this, &ClientStream::OnFinished};

  // Loop thread only, from Start on.
  std::shared_ptr<ClientStream> self_;
  std::shared_ptr<ClientStreamHandler> handler_;
  std::unique_ptr<google::protobuf::Message> incoming_;
  std::unique_ptr<google::protobuf::Message> outgoing_;
  Progress progress_;

  std::atomic<bool> pump_scheduled_{false};
  Mutex mutex_;
  std::optional<absl::Status> close_with_ ABSL_GUARDED_BY(mutex_);
  // Read without the lock on the loop thread, which alone lets go of it.
  std::unique_ptr<grpc::ClientContext> context_ = std::make_unique<grpc::ClientContext>();
};

}  // namespace

std::shared_ptr<StreamControl> GrpcEventLoop::OpenStream(
    const std::shared_ptr<Channel>& channel, std::string_view method,
    std::shared_ptr<ClientStreamHandler> handler) {
  auto stream = std::make_shared<ClientStream>(this, channel, std::move(handler));
  if (!Register(stream.get())) return nullptr;
  stream->Start("/" + std::string(method));
  return stream;
}

}  // namespace flotilla::rpc
