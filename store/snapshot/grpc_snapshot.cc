#include "store/snapshot/grpc_snapshot.h"

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/raft_codec.h"
#include "flotilla/snapshot.pb.h"

namespace flotilla::store {
namespace {

using WireMessage = snapshot::v1::SnapshotMessage;
using WireReply = snapshot::v1::SnapshotReply;

void EncodeMessage(const SnapshotOrigin& self, SnapshotMessage message, WireMessage* out) {
  if (auto* header = std::get_if<SnapshotHeader>(&message)) {
    snapshot::v1::SnapshotHeader* wire = out->mutable_header();
    wire->set_cluster_id(self.cluster_id.value());
    wire->set_from_store(self.store_id.value());
    wire->set_to_store(header->envelope.to_store.value());
    wire->set_manifest(EncodeManifest(header->manifest));
    rpc::EncodeEnvelope(header->envelope, wire->mutable_envelope());
    return;
  }
  auto& chunk = std::get<SnapshotChunk>(message);
  snapshot::v1::SnapshotChunk* wire = out->mutable_chunk();
  wire->set_file(chunk.file);
  wire->set_offset(chunk.offset);
  wire->set_data(std::move(chunk.data));
  wire->set_checksum(chunk.checksum);
}

absl::StatusOr<SnapshotMessage> DecodeHeader(const SnapshotOrigin& self,
                                             snapshot::v1::SnapshotHeader* in) {
  if (in->to_store() != self.store_id.value()) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the snapshot is for store %d, this is store %d", in->to_store(), self.store_id.value()));
  }
  if (in->cluster_id() != 0 && self.cluster_id != ClusterId(0) &&
      in->cluster_id() != self.cluster_id.value()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the snapshot is from cluster %d, this is cluster %d", in->cluster_id(),
                        self.cluster_id.value()));
  }
  SnapshotHeader header;
  ASSIGN_OR_RETURN(header.manifest, DecodeManifest(in->manifest()));
  ASSIGN_OR_RETURN(header.envelope, rpc::DecodeEnvelope(in->mutable_envelope(),
                                                        StoreId(in->from_store()), self.store_id));
  return SnapshotMessage(std::move(header));
}

absl::StatusOr<SnapshotMessage> DecodeMessage(const SnapshotOrigin& self, WireMessage* in) {
  if (in->has_header()) return DecodeHeader(self, in->mutable_header());
  if (!in->has_chunk()) {
    return absl::InvalidArgumentError("a message of a snapshot without header and block");
  }
  snapshot::v1::SnapshotChunk* wire = in->mutable_chunk();
  SnapshotChunk chunk;
  chunk.file = wire->file();
  chunk.offset = wire->offset();
  chunk.data = std::move(*wire->mutable_data());
  chunk.checksum = wire->checksum();
  return SnapshotMessage(std::move(chunk));
}

// What the receiver holds of its stream. Lets go of it when it is closed: the server may be gone
// before the receiver.
class Control final : public IncomingSnapshotControl {
 public:
  explicit Control(std::shared_ptr<rpc::StreamControl> stream) : stream_(std::move(stream)) {}
  void Wake() override {
    if (const auto stream = Get()) stream->Wake();
  }
  void Answer(const absl::Status& status) override {
    if (const auto stream = Get()) stream->Close(status);
  }
  void Detach() {
    MutexLock lock(mutex_);
    stream_.reset();
  }

 private:
  std::shared_ptr<rpc::StreamControl> Get() {
    MutexLock lock(mutex_);
    return stream_;
  }

  Mutex mutex_;
  std::shared_ptr<rpc::StreamControl> stream_ ABSL_GUARDED_BY(mutex_);
};

// A stream at the receiver's server.
class Incoming final : public rpc::TypedStreamHandler<WireMessage, WireReply> {
 public:
  Incoming(const SnapshotOrigin& self, std::shared_ptr<Control> control,
           std::shared_ptr<IncomingSnapshot> snapshot)
      : self_(self), control_(std::move(control)), snapshot_(std::move(snapshot)) {}

  bool ReadyToRead() override { return snapshot_->HasRoom(); }
  // A draining server need not wait: the sender's leader tries again.
  bool EndsOnlyWhenQuiet() const override { return false; }
  void OnClosed(const absl::Status& /*status*/) override {
    control_->Detach();
    snapshot_->OnClosed();
  }

 protected:
  void OnMessage(WireMessage* wire) override {
    absl::StatusOr<SnapshotMessage> message = DecodeMessage(self_, wire);
    if (message.ok()) {
      snapshot_->OnMessage(*std::move(message));
    } else {
      control_->Answer(message.status());
    }
  }
  bool Fill(WireReply* /*reply*/) override { return false; }

 private:
  const SnapshotOrigin self_;
  const std::shared_ptr<Control> control_;
  const std::shared_ptr<IncomingSnapshot> snapshot_;
};

}  // namespace

// A stream at the sender.
class GrpcSnapshotConnector::Link final : public OutgoingSnapshot,
                                          public rpc::ClientStreamHandler,
                                          public std::enable_shared_from_this<Link> {
 public:
  Link(const SnapshotOrigin& self, std::shared_ptr<OutgoingSnapshotHandler> handler)
      : self_(self), handler_(std::move(handler)) {}

  // The address is known, or cannot be.
  void Connect(rpc::EventLoop* loop, rpc::ChannelPool* pool,
               const absl::StatusOr<std::string>& address) {
    if (!address.ok()) return handler_->OnClosed(address.status());
    // Each snapshot has a connection of its own: it holds up nobody else, and one that fails leaves
    // nothing behind for the next.
    const auto control =
        loop->OpenStream(pool->NewChannel(*address), kSnapshotMethod,
                         std::static_pointer_cast<rpc::ClientStreamHandler>(shared_from_this()));
    if (control == nullptr) return handler_->OnClosed(absl::CancelledError("stopping"));
    bool cancelled = false;
    {
      MutexLock lock(mutex_);
      if (!closed_) control_ = control;
      cancelled = cancelled_;
    }
    if (cancelled) {
      control->Close(absl::CancelledError("cancelled"));
    } else {
      control->Wake();
    }
  }

  void Send(SnapshotMessage message) override {
    std::shared_ptr<rpc::StreamControl> control;
    {
      MutexLock lock(mutex_);
      if (closed_) return;
      queue_.push_back(std::move(message));
      control = control_;
    }
    if (control != nullptr) control->Wake();
  }

  void Cancel() override {
    std::shared_ptr<rpc::StreamControl> control;
    {
      MutexLock lock(mutex_);
      cancelled_ = true;
      control = control_;
    }
    if (control != nullptr) control->Close(absl::CancelledError("cancelled"));
  }

  std::unique_ptr<Message> NewIncoming() const override { return std::make_unique<WireReply>(); }
  std::unique_ptr<Message> NewOutgoing() const override { return std::make_unique<WireMessage>(); }
  void OnIncoming(Message* /*message*/) override {}

  bool FillNext(Message* out) override {
    std::optional<SnapshotMessage> message;
    {
      MutexLock lock(mutex_);
      if (queue_.empty()) return false;
      message = std::move(queue_.front());
      queue_.pop_front();
    }
    EncodeMessage(self_, *std::move(message), static_cast<WireMessage*>(out));
    handler_->OnSent();
    return true;
  }

  void OnClosed(const absl::Status& status) override {
    {
      MutexLock lock(mutex_);
      closed_ = true;
      queue_.clear();
      control_.reset();
    }
    handler_->OnClosed(status);
  }

 private:
  const SnapshotOrigin self_;
  const std::shared_ptr<OutgoingSnapshotHandler> handler_;
  Mutex mutex_;
  std::shared_ptr<rpc::StreamControl> control_ ABSL_GUARDED_BY(mutex_);
  std::deque<SnapshotMessage> queue_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

GrpcSnapshotConnector::GrpcSnapshotConnector(const SnapshotOrigin& self, rpc::EventLoop* loop,
                                             rpc::ChannelPool* pool, rpc::AddressResolver resolver)
    : self_(self), loop_(loop), pool_(pool), resolver_(std::move(resolver)) {}

GrpcSnapshotConnector::~GrpcSnapshotConnector() = default;

std::shared_ptr<OutgoingSnapshot> GrpcSnapshotConnector::Open(
    StoreId to, std::shared_ptr<OutgoingSnapshotHandler> handler) {
  auto link = std::make_shared<Link>(self_, std::move(handler));
  // The resolver is asked on the loop thread, as its contract says.
  loop_->Post([this, to, link] {
    resolver_(to, [link, loop = loop_, pool = pool_](absl::StatusOr<std::string> address) {
      link->Connect(loop, pool, address);
    });
  });
  return link;
}

rpc::StreamAcceptor SnapshotAcceptor(const SnapshotOrigin& self, AcceptSnapshot accept) {
  return [self, accept = std::move(accept)](std::shared_ptr<rpc::StreamControl> stream) {
    auto control = std::make_shared<Control>(std::move(stream));
    return std::make_shared<Incoming>(self, control, accept(control));
  };
}

}  // namespace flotilla::store
