#include "common/pdclient/heartbeat_stream.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"

namespace flotilla::pdclient {
namespace {

// How often it is looked whether an open stream stands still, at least.
constexpr env::Duration kLongestLook = std::chrono::seconds(1);

}  // namespace

HeartbeatStream::HeartbeatStream(rpc::EventLoop* loop, std::shared_ptr<LeaderFinder> finder,
                                 size_t max_waiting, const rpc::StallWatchOptions& stall,
                                 metrics::Counter* stalled)
    : loop_(loop),
      finder_(std::move(finder)),
      max_waiting_(max_waiting),
      look_interval_(std::min(kLongestLook, stall.timeout / 4)),
      stalled_(stalled),
      watch_(stall) {}

void HeartbeatStream::Open(const rpc::BackoffOptions& backoff, env::Random random) {
  stream_ = std::make_shared<rpc::ReconnectingStream>(loop_, "pdpb.PD/RegionHeartbeat", backoff,
                                                      random, shared_from_this());
}

void HeartbeatStream::SetListener(HeartbeatListener* listener) {
  {
    MutexLock lock(listener_mutex_);
    listener_ = listener;
  }
  stream_->Wake();
}

void HeartbeatStream::Send(pdpb::RegionHeartbeatRequest heartbeat) {
  const uint64_t region_id = heartbeat.region().id();
  {
    MutexLock lock(mutex_);
    const auto found = waiting_.find(region_id);
    if (found != waiting_.end()) {
      found->second = std::move(heartbeat);
    } else {
      // The next round of heartbeats brings what does not fit.
      if (waiting_.size() >= max_waiting_) return;
      waiting_.emplace(region_id, std::move(heartbeat));
      order_.push_back(region_id);
    }
  }
  stream_->Wake();
}

void HeartbeatStream::Stop() {
  {
    MutexLock lock(listener_mutex_);
    listener_ = nullptr;
  }
  loop_->Post([self = shared_from_this()] { self->stopped_ = true; });
  stream_->Stop();
}

void HeartbeatStream::Connect(ConnectDone done) {
  finder_->WithLeader([self = shared_from_this(), done = std::move(done)](auto channel) mutable {
    if (channel.ok()) {
      self->loop_->Post([self, leader = *channel] { self->OnConnecting(leader); });
    }
    std::move(done)(std::move(channel));
  });
}

void HeartbeatStream::OnConnecting(std::shared_ptr<rpc::Channel> leader) {
  if (stopped_) return;
  channel_ = std::move(leader);
  watch_.OnOpening(loop_->clock().Now());
  KeepLooking();
}

void HeartbeatStream::KeepLooking() {
  if (looking_ || channel_ == nullptr || loop_->stopping()) return;
  looking_ = true;
  loop_->RunAfter(look_interval_, [self = shared_from_this()] { self->Look(); });
}

void HeartbeatStream::Look() {
  looking_ = false;
  if (channel_ == nullptr) return;
  const env::Instant now = loop_->clock().Now();
  // Nothing takes them from here when a write does not end.
  if (HasWaiting()) watch_.OnOwed(now);
  const env::Duration allowed = watch_.timeout();
  if (watch_.GivesUp(now)) {
    LOG_WARN("the region heartbeat stream to PD at {} stood still for {:.1f} s: it is given up",
             channel_->address(), env::Seconds(allowed));
    if (stalled_ != nullptr) stalled_->Increment();
    finder_->GiveUp(channel_);
    stream_->Restart();
  }
  KeepLooking();
}

bool HeartbeatStream::HasWaiting() {
  MutexLock lock(mutex_);
  return !order_.empty();
}

std::unique_ptr<HeartbeatStream::Message> HeartbeatStream::NewIncoming() const {
  return std::make_unique<pdpb::RegionHeartbeatResponse>();
}

std::unique_ptr<HeartbeatStream::Message> HeartbeatStream::NewOutgoing() const {
  return std::make_unique<pdpb::RegionHeartbeatRequest>();
}

void HeartbeatStream::OnIncoming(Message* message) {
  auto* response = static_cast<pdpb::RegionHeartbeatResponse*>(message);
  if (response->region_id() == 0) watch_.OnAcknowledged(loop_->clock().Now());
  const absl::Status status = HeaderStatus(response->header());
  if (!status.ok()) {
    LOG_WARN("PD refused a region heartbeat: {}", status.ToString());
    return;
  }
  // Words without a region acknowledge, or open a stream; instructions have one.
  if (response->region_id() == 0) return;
  MutexLock lock(listener_mutex_);
  if (listener_ != nullptr) listener_->OnInstruction(std::move(*response));
}

bool HeartbeatStream::FillNext(Message* message) {
  auto* heartbeat = static_cast<pdpb::RegionHeartbeatRequest*>(message);
  {
    MutexLock lock(mutex_);
    if (order_.empty()) return false;
    const auto found = waiting_.find(order_.front());
    *heartbeat = std::move(found->second);
    waiting_.erase(found);
    order_.pop_front();
  }
  heartbeat->mutable_header()->set_cluster_id(finder_->cluster_id().value());
  watch_.OnOwed(loop_->clock().Now());
  return true;
}

bool HeartbeatStream::WantsStream() {
  {
    MutexLock lock(listener_mutex_);
    if (listener_ != nullptr) return true;
  }
  return HasWaiting();
}

void HeartbeatStream::OnUp() {
  watch_.OnUp();
  LOG_INFO("region heartbeats go to PD at {}", channel_->address());
  MutexLock lock(listener_mutex_);
  if (listener_ != nullptr) listener_->OnHeartbeatStreamUp();
}

void HeartbeatStream::OnDown(const absl::Status& status, bool was_up) {
  if (was_up && !absl::IsCancelled(status)) {
    LOG_WARN("the region heartbeat stream to PD broke: {}", status.ToString());
  }
  watch_.OnDown();
  if (channel_ != nullptr) finder_->Invalidate(std::exchange(channel_, nullptr));
}

}  // namespace flotilla::pdclient
