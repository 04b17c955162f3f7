// A bidirectional stream on a server, between gRPC and a StreamHandler. Internal to common/rpc;
// includes gRPC.
//
// Thread: the loop thread, but for Wake and Close. At most one read and one write are under way at
// a time; the object lives until every operation that it started has come back.
#ifndef FLOTILLA_COMMON_RPC_SERVER_STREAM_H_
#define FLOTILLA_COMMON_RPC_SERVER_STREAM_H_

#include <grpcpp/support/async_stream.h>

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/rpc/server_core.h"
#include "common/rpc/stream.h"

namespace flotilla::rpc {

class StreamMethod;

class ServerStream final : public StreamControl, public std::enable_shared_from_this<ServerStream> {
 public:
  explicit ServerStream(StreamMethod* method);
  ~ServerStream() override;

  // Offers to take a stream.
  void Accept();
  // While draining: ends the stream if it has been quiet since the last call and owes no answer.
  void EndIfQuiet();
  // Of an open stream; see StreamHandler::EndsOnlyWhenQuiet.
  bool AnswersRequests() const { return handler_->EndsOnlyWhenQuiet(); }

  void Wake() override;
  void Close(absl::Status status) override;
  void Gather() override { loop_->Gather(); }
  std::string peer() const override { return peer_; }

 private:
  using Message = google::protobuf::MessageLite;

  // Operations under way, and what has happened.
  struct Progress {
    bool reading = false;
    bool writing = false;
    bool finishing = false;
    bool finish_returned = false;
    bool done_returned = false;
    bool half_closed = false;
    bool broken = false;
    // No message came since the last look of a draining server.
    bool quiet = false;
    bool pumps_before_waiting = false;
  };

  void OnAccepted(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);
  // Starts whatever can be started.
  void Pump();
  // The same, after what has arrived already was handled too.
  void PumpBeforeWaiting();
  void MaybeWrite();
  void MaybeRead();
  void Finish(absl::Status status);
  // Tells the client too that what it sent and has no answer to was not executed.
  void Refuse(absl::Status status);
  // Ends when nothing is under way any more.
  void MaybeEnd();
  void Release();

  StreamMethod* const method_;
  GrpcEventLoop* const loop_;
  // Gone at the end: whoever still holds this control may outlive the server.
  std::unique_ptr<grpc::ServerContext> context_;
  std::unique_ptr<grpc::ServerAsyncReaderWriter<Message, Message>> stream_;
  MemberCompletion<ServerStream> accepted_{this, &ServerStream::OnAccepted};
  MemberCompletion<ServerStream> read_{this, &ServerStream::OnRead};
  MemberCompletion<ServerStream> written_{this, &ServerStream::OnWritten};
  MemberCompletion<ServerStream> finished_{this, &ServerStream::OnFinished};
  MemberCompletion<ServerStream> done_{this, &ServerStream::OnDone};

  // Keeps the stream alive while gRPC holds pointers into it.
  std::shared_ptr<ServerStream> self_;
  std::shared_ptr<StreamHandler> handler_;
  std::unique_ptr<google::protobuf::Message> incoming_;
  std::unique_ptr<google::protobuf::Message> outgoing_;
  std::string peer_;
  Progress progress_;
  absl::Status final_status_;

  // True while a Pump is on its way or bound to follow, so that a Wake needs no other one.
  std::atomic<bool> pump_scheduled_{false};
  Mutex mutex_;
  std::optional<absl::Status> close_with_ ABSL_GUARDED_BY(mutex_);
};

class StreamMethod {
 public:
  StreamMethod(const std::string& name, StreamAcceptor acceptor, ServerCore* core);

  // Loop thread.
  void AcceptOne();
  // ResourceExhausted when the server has too many streams, Unavailable when it drains.
  absl::StatusOr<std::shared_ptr<StreamHandler>> Open(const std::shared_ptr<ServerStream>& stream);
  void OnEnded(const std::shared_ptr<ServerStream>& stream, const absl::Status& status);
  std::set<std::shared_ptr<ServerStream>>& open() { return open_; }

  ServerCore* core() { return core_; }
  int index() const { return index_; }

 private:
  ServerCore* const core_;
  const StreamAcceptor acceptor_;
  const int index_;
  const MethodMetrics metrics_;
  std::set<std::shared_ptr<ServerStream>> open_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_SERVER_STREAM_H_
