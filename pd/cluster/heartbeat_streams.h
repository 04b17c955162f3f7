// The open region heartbeat streams, by store: the way on which instructions reach the leaders of
// regions without waiting for their next heartbeat.
//
// Thread-safe.
#ifndef FLOTILLA_PD_CLUSTER_HEARTBEAT_STREAMS_H_
#define FLOTILLA_PD_CLUSTER_HEARTBEAT_STREAMS_H_

#include <memory>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pd {

class HeartbeatSink {
 public:
  virtual ~HeartbeatSink() = default;
  // Never blocks; may drop when too much waits: instructions are repeated.
  virtual void Send(pdpb::RegionHeartbeatResponse instruction) = 0;
  // Answers the reports that came since this was called last, if any: so its store knows that they
  // are read. Never blocks.
  virtual void Acknowledge() = 0;
  // Ends the stream: its store looks for the next leader.
  virtual void Close(absl::Status reason) = 0;
};

class HeartbeatStreams {
 public:
  // The store's newest stream counts.
  void Bind(StoreId store, const std::shared_ptr<HeartbeatSink>& sink);
  // False: the store has no open stream.
  bool Send(StoreId store, pdpb::RegionHeartbeatResponse instruction);
  // Acknowledges on all streams.
  void Acknowledge();
  // Ends all streams, also those that are bound later.
  void Close(const absl::Status& reason);

 private:
  Mutex mutex_;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<StoreId, std::weak_ptr<HeartbeatSink>> sinks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_CLUSTER_HEARTBEAT_STREAMS_H_
