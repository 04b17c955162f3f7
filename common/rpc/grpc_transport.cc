#include "common/rpc/grpc_transport.h"

#include <algorithm>
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
                                     "Raft messages dropped: queue full, store not reachable")),
        stalled(registry->AddCounter("flotilla_raft_streams_stalled_total",
                                     "Streams broken because they stood still")) {}

  const GrpcTransportOptions options;
  EventLoop* const loop;
  ChannelPool* const pool;
  const AddressResolver resolver;
  const net::UnreachableHandler unreachable;
  metrics::Counter& sent;
  metrics::Counter& batches;
  metrics::Counter& dropped;
  metrics::Counter& stalled;
  // How often a link looks whether its stream stands still, at least.
  static constexpr env::Duration kLongestLook = std::chrono::seconds(1);
};

// The queue and the stream to one store.
class GrpcTransport::Link final : public StreamDelegate, public std::enable_shared_from_this<Link> {
 public:
  Link(std::shared_ptr<Shared> shared, StoreId to)
      : shared_(std::move(shared)),
        to_(to),
        queue_(shared_->options.max_queue_messages, shared_->options.max_queue_bytes),
        watch_(shared_->options.stall) {}

  // Separate from construction: the stream keeps its delegate.
  void Open(env::Random random) {
    stream_ = std::make_shared<ReconnectingStream>(
        shared_->loop, "flotilla.raft.v1.RaftTransport/Exchange", shared_->options.backoff, random,
        shared_from_this());
  }
  void Close() {
    shared_->loop->Post([self = shared_from_this()] { self->closed_ = true; });
    stream_->Stop();
  }

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
    shared_->resolver(to_, [self = shared_from_this(),
                            done = std::move(done)](absl::StatusOr<std::string> address) mutable {
      if (!address.ok()) return std::move(done)(std::move(address).status());
      self->shared_->loop->Post(
          [self, address = *std::move(address), done = std::move(done)]() mutable {
            std::move(done)(self->ChannelTo(address));
          });
    });
  }

  std::unique_ptr<Message> NewIncoming() const override {
    return std::make_unique<raft::v1::ExchangeResponse>();
  }
  std::unique_ptr<Message> NewOutgoing() const override {
    return std::make_unique<raft::v1::CheckedBatch>();
  }
  bool WantsStream() override { return queue_.size() > 0; }
  void OnIncoming(Message* /*message*/) override { watch_.OnAcknowledged(Now()); }

  bool FillNext(Message* message) override {
    raft::v1::EnvelopeBatch batch;
    const GrpcTransportOptions& options = shared_->options;
    const size_t taken = queue_.TakeUpTo(
        options.max_batch_messages, options.max_batch_bytes,
        [&batch](net::Envelope envelope) { EncodeEnvelope(envelope, batch.add_envelopes()); });
    const env::Instant now = Now();
    if (taken == 0 && !watch_.ShouldAsk(now)) return false;
    full_reported_.store(false);
    batch.set_cluster_id(options.cluster_id.value());
    batch.set_from_store(options.store_id.value());
    batch.set_to_store(to_.value());
    auto* const sealed = static_cast<raft::v1::CheckedBatch*>(message);
    SealBatch(batch, sealed);
    sealed->set_acknowledge(watch_.OnSend(now));
    KeepLooking();
    shared_->sent.Increment(static_cast<double>(taken));
    shared_->batches.Increment();
    return true;
  }

  void OnUp() override {
    LOG_INFO("raft stream to store {} is up", to_);
    watch_.OnUp();
  }

  void OnDown(const absl::Status& status, bool was_up) override {
    if (was_up) LOG_WARN("raft stream to store {} broke: {}", to_, status.ToString());
    watch_.OnDown();
    // What broke a stream may have spoiled its connection for the next one, such as the table that
    // headers are compressed with.
    if (was_up) channel_ = nullptr;
    shared_->dropped.Increment(static_cast<double>(queue_.Clear()));
    if (!absl::IsCancelled(status)) shared_->unreachable(to_);
  }

 private:
  env::Instant Now() const { return shared_->loop->clock().Now(); }

  std::shared_ptr<Channel> ChannelTo(const std::string& address) {
    // One that could not connect keeps its own backoff.
    if (channel_ == nullptr || channel_->address() != address) {
      channel_ = shared_->pool->NewChannel(address);
    }
    watch_.OnOpening(Now());
    KeepLooking();
    return channel_;
  }

  void KeepLooking() {
    if (looking_ || closed_ || !watch_.is_watching() || shared_->loop->stopping()) return;
    looking_ = true;
    const env::Duration look = std::min(Shared::kLongestLook, shared_->options.stall.timeout / 4);
    shared_->loop->RunAfter(look, [self = shared_from_this()] { self->Look(); });
  }

  void Look() {
    looking_ = false;
    if (closed_) return;
    const env::Instant now = Now();
    const env::Duration allowed = watch_.timeout();
    if (watch_.GivesUp(now)) {
      shared_->stalled.Increment();
      LOG_WARN("raft stream to store {} stood still for {:.1f} s: its connection is given up", to_,
               env::Seconds(allowed));
      channel_ = nullptr;
      stream_->Restart();
    } else if (watch_.ShouldAsk(now)) {
      stream_->Wake();
    }
    KeepLooking();
  }

  const std::shared_ptr<Shared> shared_;
  const StoreId to_;
  StreamQueue<net::Envelope> queue_;
  std::atomic<bool> full_reported_{false};
  std::shared_ptr<ReconnectingStream> stream_;
  // Loop thread only. Raft does not share a connection with clients' requests, nor wait behind
  // them.
  std::shared_ptr<Channel> channel_;
  StallWatch watch_;
  bool looking_ = false;
  bool closed_ = false;
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
