#include "common/pdclient/heartbeat_stream.h"

#include <utility>

#include "common/base/log.h"

namespace flotilla::pdclient {

HeartbeatStream::HeartbeatStream(rpc::EventLoop* loop, std::shared_ptr<LeaderFinder> finder,
                                 size_t max_waiting)
    : loop_(loop), finder_(std::move(finder)), max_waiting_(max_waiting) {}

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
  stream_->Stop();
}

void HeartbeatStream::Connect(ConnectDone done) {
  finder_->WithLeader([self = shared_from_this(), done = std::move(done)](auto channel) mutable {
    if (channel.ok()) {
      self->loop_->Post([self, leader = *channel] { self->channel_ = leader; });
    }
    std::move(done)(std::move(channel));
  });
}

std::unique_ptr<HeartbeatStream::Message> HeartbeatStream::NewIncoming() const {
  return std::make_unique<pdpb::RegionHeartbeatResponse>();
}

std::unique_ptr<HeartbeatStream::Message> HeartbeatStream::NewOutgoing() const {
  return std::make_unique<pdpb::RegionHeartbeatRequest>();
}

void HeartbeatStream::OnIncoming(Message* message) {
  auto* response = static_cast<pdpb::RegionHeartbeatResponse*>(message);
  const absl::Status status = HeaderStatus(response->header());
  if (!status.ok()) {
    LOG_WARN("PD refused a region heartbeat: {}", status.ToString());
    return;
  }
  // PD opens a stream with a word without a region; instructions have one.
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
  return true;
}

bool HeartbeatStream::WantsStream() {
  {
    MutexLock lock(listener_mutex_);
    if (listener_ != nullptr) return true;
  }
  MutexLock lock(mutex_);
  return !order_.empty();
}

void HeartbeatStream::OnUp() {
  LOG_INFO("region heartbeats go to PD at {}", channel_->address());
  MutexLock lock(listener_mutex_);
  if (listener_ != nullptr) listener_->OnHeartbeatStreamUp();
}

void HeartbeatStream::OnDown(const absl::Status& status, bool was_up) {
  if (was_up && !absl::IsCancelled(status)) {
    LOG_WARN("the region heartbeat stream to PD broke: {}", status.ToString());
  }
  if (channel_ != nullptr) finder_->Invalidate(std::exchange(channel_, nullptr));
}

}  // namespace flotilla::pdclient
