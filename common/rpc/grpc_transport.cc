#include "common/rpc/grpc_transport.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/rpc/raft_codec.h"
#include "common/rpc/reconnecting_stream.h"
#include "common/rpc/stream_queue.h"
#include "flotilla/raft.pb.h"

namespace flotilla::rpc {

// What the links outlive the transport with: streams end on the loop thread, in their own time.
struct GrpcTransport::Shared {
  Shared(const GrpcTransportOptions& transport_options, EventLoop* event_loop,
         ChannelPool* channel_pool, AddressResolver address_resolver,
         net::UnreachableHandler unreachable_handler, metrics::Registry* registry)
      : options(transport_options),
        loop(event_loop),
        pool(channel_pool),
        resolver(std::move(address_resolver)),
        unreachable(std::move(unreachable_handler)),
        sent(registry->AddCounter("flotilla_raft_messages_sent_total",
                                  "Raft messages given to the network")),
        batches(registry->AddCounter("flotilla_raft_batches_sent_total",
                                     "Batches that the messages went in")),
        dropped(registry->AddCounter("flotilla_raft_messages_dropped_total",
                                     "Raft messages dropped: queue full, store not reachable")) {}

  const GrpcTransportOptions options;
  EventLoop* const loop;
  ChannelPool* const pool;
  const AddressResolver resolver;
  const net::UnreachableHandler unreachable;
  metrics::Counter& sent;
  metrics::Counter& batches;
  metrics::Counter& dropped;
  // Raft does not share a connection with clients' requests, nor wait behind them.
  static constexpr int kChannelNumber = 1;
};

// The queue and the stream to one store.
class GrpcTransport::Link final : public StreamDelegate, public std::enable_shared_from_this<Link> {
 public:
  Link(std::shared_ptr<Shared> shared, StoreId to)
      : shared_(std::move(shared)),
        to_(to),
        queue_(shared_->options.max_queue_messages, shared_->options.max_queue_bytes) {}

  // Separate from construction: the stream keeps its delegate.
  void Open(env::Random random) {
    stream_ = std::make_shared<ReconnectingStream>(
        shared_->loop, "flotilla.raft.v1.RaftTransport/Exchange", shared_->options.backoff, random,
        shared_from_this());
  }
  void Close() { stream_->Stop(); }

  void Send(net::Envelope envelope) {
    const size_t bytes = EnvelopeBytes(envelope);
    if (!queue_.TryPush(std::move(envelope), bytes)) {
      shared_->dropped.Increment();
      // Once until the stream moves again: the reports must not become a flood of their own.
      if (!full_reported_.exchange(true)) shared_->unreachable(to_);
      return;
    }
    stream_->Wake();
  }

  void Connect(ConnectDone done) override {
    shared_->resolver(to_, [shared = shared_,
                            done = std::move(done)](absl::StatusOr<std::string> address) mutable {
      if (!address.ok()) {
        std::move(done)(std::move(address).status());
      } else {
        std::move(done)(shared->pool->Get(*address, Shared::kChannelNumber));
      }
    });
  }

  std::unique_ptr<Message> NewIncoming() const override {
    return std::make_unique<raft::v1::ExchangeResponse>();
  }
  std::unique_ptr<Message> NewOutgoing() const override {
    return std::make_unique<raft::v1::CheckedBatch>();
  }
  bool WantsStream() override { return queue_.size() > 0; }
  void OnIncoming(Message* /*message*/) override {}

  bool FillNext(Message* message) override {
    raft::v1::EnvelopeBatch batch;
    const GrpcTransportOptions& options = shared_->options;
    const size_t taken = queue_.TakeUpTo(
        options.max_batch_messages, options.max_batch_bytes,
        [&batch](net::Envelope envelope) { EncodeEnvelope(envelope, batch.add_envelopes()); });
    if (taken == 0) return false;
    full_reported_.store(false);
    batch.set_cluster_id(options.cluster_id.value());
    batch.set_from_store(options.store_id.value());
    batch.set_to_store(to_.value());
    SealBatch(batch, static_cast<raft::v1::CheckedBatch*>(message));
    shared_->sent.Increment(static_cast<double>(taken));
    shared_->batches.Increment();
    return true;
  }

  void OnUp() override { LOG_INFO("raft stream to store {} is up", to_); }

  void OnDown(const absl::Status& status, bool was_up) override {
    if (was_up) LOG_WARN("raft stream to store {} broke: {}", to_, status.ToString());
    shared_->dropped.Increment(static_cast<double>(queue_.Clear()));
    if (!absl::IsCancelled(status)) shared_->unreachable(to_);
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const StoreId to_;
  StreamQueue<net::Envelope> queue_;
  std::atomic<bool> full_reported_{false};
  std::shared_ptr<ReconnectingStream> stream_;
};

GrpcTransport::GrpcTransport(const GrpcTransportOptions& options, EventLoop* loop,
                             ChannelPool* pool, AddressResolver resolver,
                             net::UnreachableHandler unreachable, metrics::Registry* registry)
    : shared_(std::make_shared<Shared>(options, loop, pool, std::move(resolver),
                                       std::move(unreachable), registry)) {}

GrpcTransport::~GrpcTransport() { Stop(); }

void GrpcTransport::Send(net::Envelope envelope) {
  CHECK(envelope.to_store != shared_->options.store_id);
  const std::shared_ptr<Link> link = LinkTo(envelope.to_store);
  if (link == nullptr) {
    shared_->dropped.Increment();
    return;
  }
  link->Send(std::move(envelope));
}

std::shared_ptr<GrpcTransport::Link> GrpcTransport::LinkTo(StoreId store_id) {
  MutexLock lock(mutex_);
  if (stopped_) return nullptr;
  std::shared_ptr<Link>& link = links_[store_id];
  if (link == nullptr) {
    link = std::make_shared<Link>(shared_, store_id);
    // Jitter needs no secret: stores differ by their ids.
    link->Open(env::Random(shared_->options.store_id.value() << 32 | store_id.value()));
  }
  return link;
}

void GrpcTransport::Stop() {
  MutexLock lock(mutex_);
  if (stopped_) return;
  stopped_ = true;
  for (const auto& [store_id, link] : links_) link->Close();
  links_.clear();
}

void GrpcTransport::Forget(StoreId store_id) {
  MutexLock lock(mutex_);
  const auto found = links_.find(store_id);
  if (found == links_.end()) return;
  found->second->Close();
  links_.erase(found);
}

}  // namespace flotilla::rpc
