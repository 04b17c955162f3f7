#include "pd/service/heartbeat_stream.h"

#include <utility>

#include "common/base/log.h"

namespace flotilla::pd {

HeartbeatStream::HeartbeatStream(HeartbeatApi* api, std::shared_ptr<rpc::StreamControl> control)
    : api_(api), control_(std::move(control)) {}

void HeartbeatStream::OnMessage(pdpb::RegionHeartbeatRequest* message) {
  // Before the instructions that the report may call forth.
  cluster_id_ = message->header().cluster_id();
  absl::Status status = api_->OnHeartbeat(*message, shared_from_this());
  if (!status.ok()) {
    control_->Close(std::move(status));
    return;
  }
  unacknowledged_.store(true);
}

void HeartbeatStream::Send(pdpb::RegionHeartbeatResponse instruction) {
  instruction.mutable_header()->set_cluster_id(cluster_id_);
  const size_t bytes = instruction.ByteSizeLong();
  if (waiting_.TryPush(std::move(instruction), bytes)) {
    control_->Wake();
  } else {
    LOG_DEBUG("{}: too many instructions wait, one is dropped", control_->peer());
  }
}

void HeartbeatStream::Acknowledge() {
  if (!unacknowledged_.exchange(false)) return;
  acknowledges_next_.store(true);
  control_->Wake();
}

void HeartbeatStream::OnClosed(const absl::Status&) { waiting_.Clear(); }

bool HeartbeatStream::Fill(pdpb::RegionHeartbeatResponse* message) {
  // However many instructions wait.
  if (acknowledges_next_.exchange(false)) {
    message->mutable_header()->set_cluster_id(cluster_id_);
    return true;
  }
  return waiting_.TakeUpTo(1, kMaxWaitingBytes, [message](pdpb::RegionHeartbeatResponse&& one) {
    *message = std::move(one);
  }) != 0;
}

}  // namespace flotilla::pd
