// One region heartbeat stream: a store's reports come in, instructions for the regions that it
// leads go out. Reports are acknowledged, many at a time, by an answer without a region, as which
// the public protocol knows a sign of life.
//
// Thread: the loop thread; Send and Close come from any.
#ifndef FLOTILLA_PD_SERVICE_HEARTBEAT_STREAM_H_
#define FLOTILLA_PD_SERVICE_HEARTBEAT_STREAM_H_

#include <atomic>
#include <memory>

#include "common/rpc/stream.h"
#include "common/rpc/stream_queue.h"
#include "pd/api/heartbeat_api.h"

namespace flotilla::pd {

class HeartbeatStream final
    : public rpc::TypedStreamHandler<pdpb::RegionHeartbeatRequest, pdpb::RegionHeartbeatResponse>,
      public HeartbeatSink,
      public std::enable_shared_from_this<HeartbeatStream> {
 public:
  // Instructions that may wait; more are dropped, and repeated later.
  static constexpr size_t kMaxWaiting = 10'000;
  static constexpr size_t kMaxWaitingBytes = 16 << 20;

  // `api` must outlive the stream.
  HeartbeatStream(HeartbeatApi* api, std::shared_ptr<rpc::StreamControl> control);

  void Send(pdpb::RegionHeartbeatResponse instruction) override;
  void Acknowledge() override;
  void Close(absl::Status reason) override { control_->Close(std::move(reason)); }

  // Stores repeat what gets lost.
  bool EndsOnlyWhenQuiet() const override { return false; }
  void OnClosed(const absl::Status& status) override;

 private:
  void OnMessage(pdpb::RegionHeartbeatRequest* message) override;
  bool Fill(pdpb::RegionHeartbeatResponse* message) override;

  HeartbeatApi* const api_;
  const std::shared_ptr<rpc::StreamControl> control_;
  rpc::StreamQueue<pdpb::RegionHeartbeatResponse> waiting_{kMaxWaiting, kMaxWaitingBytes};
  // As the store's requests name it, once one was accepted.
  std::atomic<uint64_t> cluster_id_{0};
  // Reports came that were not acknowledged yet; the next message out acknowledges.
  std::atomic<bool> unacknowledged_{false};
  std::atomic<bool> acknowledges_next_{false};
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SERVICE_HEARTBEAT_STREAM_H_
