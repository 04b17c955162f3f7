#include "pd/service/tso_stream.h"

#include <utility>

namespace flotilla::pd {

TsoStream::TsoStream(TsoApi* api, std::shared_ptr<rpc::StreamControl> control)
    : api_(api), control_(std::move(control)) {}

bool TsoStream::ReadyToRead() {
  MutexLock lock(mutex_);
  return calls_.size() < kMaxUnderWay;
}

bool TsoStream::HasOutstanding() {
  MutexLock lock(mutex_);
  return !calls_.empty();
}

void TsoStream::OnClosed(const absl::Status&) {
  MutexLock lock(mutex_);
  calls_.clear();
}

void TsoStream::OnMessage(pdpb::TsoRequest* message) {
  auto call = std::make_shared<Call>();
  call->request = std::move(*message);
  {
    MutexLock lock(mutex_);
    calls_.push_back(call);
  }
  api_->Tso(call->request, &call->response, [self = shared_from_this(), call](absl::Status status) {
    self->OnAnswer(call.get(), std::move(status));
  });
}

void TsoStream::OnAnswer(Call* call, absl::Status status) {
  if (!status.ok()) {
    // Clients understand the stream's end only.
    control_->Close(std::move(status));
    return;
  }
  {
    MutexLock lock(mutex_);
    call->answered = true;
    if (calls_.empty() || !calls_.front()->answered) return;
  }
  control_->Wake();
}

bool TsoStream::Fill(pdpb::TsoResponse* message) {
  MutexLock lock(mutex_);
  if (calls_.empty() || !calls_.front()->answered) return false;
  *message = std::move(calls_.front()->response);
  calls_.pop_front();
  return true;
}

}  // namespace flotilla::pd
