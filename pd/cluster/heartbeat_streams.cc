#include "pd/cluster/heartbeat_streams.h"

#include <utility>
#include <vector>

namespace flotilla::pd {

void HeartbeatStreams::Bind(StoreId store, const std::shared_ptr<HeartbeatSink>& sink) {
  absl::Status closed;
  {
    MutexLock lock(mutex_);
    closed = closed_;
    if (closed.ok()) sinks_[store] = sink;
  }
  if (!closed.ok()) sink->Close(closed);
}

void HeartbeatStreams::Acknowledge() {
  std::vector<std::shared_ptr<HeartbeatSink>> open;
  {
    MutexLock lock(mutex_);
    for (const auto& [store, weak] : sinks_) {
      if (std::shared_ptr<HeartbeatSink> sink = weak.lock()) open.push_back(std::move(sink));
    }
  }
  for (const auto& sink : open) sink->Acknowledge();
}

void HeartbeatStreams::Close(const absl::Status& reason) {
  absl::btree_map<StoreId, std::weak_ptr<HeartbeatSink>> sinks;
  {
    MutexLock lock(mutex_);
    closed_ = reason;
    sinks.swap(sinks_);
  }
  for (const auto& [store, weak] : sinks) {
    if (const std::shared_ptr<HeartbeatSink> sink = weak.lock()) sink->Close(reason);
  }
}

bool HeartbeatStreams::Send(StoreId store, pdpb::RegionHeartbeatResponse instruction) {
  std::shared_ptr<HeartbeatSink> sink;
  {
    MutexLock lock(mutex_);
    const auto it = sinks_.find(store);
    if (it == sinks_.end()) return false;
    sink = it->second.lock();
    if (sink == nullptr) {
      sinks_.erase(it);
      return false;
    }
  }
  sink->Send(std::move(instruction));
  return true;
}

}  // namespace flotilla::pd
