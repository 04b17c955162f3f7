// The region heartbeat stream to PD's leader. Of each region only the newest heartbeat waits.
//
// PD answers reports within about a second by a word without a region, one for many reports. A
// stream on which none comes for too long stands still though its connection lives: it is given up
// like a broken one, and its connection with it. Instructions tell nothing of what becomes of
// reports: PD gives them unasked.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_PDCLIENT_HEARTBEAT_STREAM_H_
#define FLOTILLA_COMMON_PDCLIENT_HEARTBEAT_STREAM_H_

#include <deque>
#include <map>
#include <memory>

#include "common/base/mutex.h"
#include "common/metrics/registry.h"
#include "common/pdclient/leader_finder.h"
#include "common/pdclient/pd_client.h"
#include "common/rpc/reconnecting_stream.h"
#include "common/rpc/stall_watch.h"

namespace flotilla::pdclient {

class HeartbeatStream final : public rpc::StreamDelegate,
                              public std::enable_shared_from_this<HeartbeatStream> {
 public:
  // `stalled` counts streams that were given up because they stood still; it may be null.
  HeartbeatStream(rpc::EventLoop* loop, std::shared_ptr<LeaderFinder> finder, size_t max_waiting,
                  const rpc::StallWatchOptions& stall, metrics::Counter* stalled);

  // Once, before the rest.
  void Open(const rpc::BackoffOptions& backoff, env::Random random);
  // From here on the stream is kept open.
  void SetListener(HeartbeatListener* listener);
  void Send(pdpb::RegionHeartbeatRequest heartbeat);
  // The listener is not called any more once this has returned. REQUIRES: not called by it.
  void Stop();

  void Connect(ConnectDone done) override;
  std::unique_ptr<Message> NewIncoming() const override;
  std::unique_ptr<Message> NewOutgoing() const override;
  void OnIncoming(Message* message) override;
  bool FillNext(Message* message) override;
  bool WantsStream() override;
  void OnUp() override;
  void OnDown(const absl::Status& status, bool was_up) override;

 private:
  // A stream to `leader` is being opened: from here on it is watched.
  void OnConnecting(std::shared_ptr<rpc::Channel> leader);
  void KeepLooking();
  void Look();
  bool HasWaiting();

  rpc::EventLoop* const loop_;
  const std::shared_ptr<LeaderFinder> finder_;
  const size_t max_waiting_;
  const env::Duration look_interval_;
  metrics::Counter* const stalled_;
  std::shared_ptr<rpc::ReconnectingStream> stream_;
  // Loop thread only.
  std::shared_ptr<rpc::Channel> channel_;
  rpc::StallWatch watch_;
  bool looking_ = false;
  bool stopped_ = false;

  // Held while the listener is called, and by nothing that it calls.
  Mutex listener_mutex_;
  HeartbeatListener* listener_ ABSL_GUARDED_BY(listener_mutex_) = nullptr;

  Mutex mutex_;
  std::map<uint64_t, pdpb::RegionHeartbeatRequest> waiting_ ABSL_GUARDED_BY(mutex_);
  // The regions of `waiting_`, the one that waits longest first.
  std::deque<uint64_t> order_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pdclient

#endif  // FLOTILLA_COMMON_PDCLIENT_HEARTBEAT_STREAM_H_
