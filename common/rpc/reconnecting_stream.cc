// idle -> connecting -> opening -> up -> (broken) waiting -> connecting ...

#include "common/rpc/reconnecting_stream.h"

#include <utility>

#include "common/base/check.h"

namespace flotilla::rpc {
namespace {

// A stream that was up for so long shows that the server is well: the next attempt comes soon.
constexpr env::Duration kProvenAfter = std::chrono::seconds(1);

}  // namespace

// One opened stream; what it does is forwarded.
class ReconnectingStream::Attempt final : public ClientStreamHandler {
 public:
  Attempt(std::shared_ptr<ReconnectingStream> owner, std::shared_ptr<StreamDelegate> delegate)
      : owner_(std::move(owner)), delegate_(std::move(delegate)) {}

  std::unique_ptr<Message> NewIncoming() const override { return delegate_->NewIncoming(); }
  std::unique_ptr<Message> NewOutgoing() const override { return delegate_->NewOutgoing(); }
  void OnIncoming(Message* message) override {
    if (!stopped()) delegate_->OnIncoming(message);
  }
  bool FillNext(Message* message) override { return !stopped() && delegate_->FillNext(message); }
  void OnOpened() override { owner_->OnOpened(); }
  void OnClosed(const absl::Status& status) override { owner_->OnClosed(status); }

 private:
  bool stopped() const { return owner_->state_ == State::kStopped; }

  const std::shared_ptr<ReconnectingStream> owner_;
  const std::shared_ptr<StreamDelegate> delegate_;
};

ReconnectingStream::ReconnectingStream(EventLoop* loop, std::string method,
                                       const BackoffOptions& backoff, env::Random random,
                                       std::shared_ptr<StreamDelegate> delegate)
    : loop_(loop),
      method_(std::move(method)),
      backoff_(backoff, random),
      delegate_(std::move(delegate)) {}

void ReconnectingStream::Run(void (ReconnectingStream::*step)()) {
  loop_->Post([self = shared_from_this(), step] { ((*self).*step)(); });
}

void ReconnectingStream::Start() { Run(&ReconnectingStream::MaybeConnect); }

void ReconnectingStream::Wake() {
  if (wake_posted_.exchange(true)) return;
  Run(&ReconnectingStream::WakeInLoop);
}

void ReconnectingStream::Restart() { Run(&ReconnectingStream::RestartInLoop); }

void ReconnectingStream::Stop() { Run(&ReconnectingStream::StopInLoop); }

void ReconnectingStream::WakeInLoop() {
  wake_posted_.store(false);
  if (state_ == State::kUp) {
    control_->Wake();
  } else {
    MaybeConnect();
  }
}

void ReconnectingStream::MaybeConnect() {
  if (state_ != State::kIdle || !delegate_->WantsStream()) return;
  state_ = State::kConnecting;
  delegate_->Connect([self = shared_from_this()](auto channel) {
    // From whatever thread it comes; a failure at once must not become a recursion.
    self->loop_->Post(
        [self, channel = std::move(channel)]() mutable { self->OnConnected(std::move(channel)); });
  });
}

void ReconnectingStream::OnConnected(absl::StatusOr<std::shared_ptr<Channel>> channel) {
  if (state_ == State::kStopped) return;
  CHECK(state_ == State::kConnecting);
  if (!channel.ok()) {
    OnClosed(channel.status());
    return;
  }
  state_ = State::kOpening;
  control_ = loop_->OpenStream(*channel, method_,
                               std::make_shared<Attempt>(shared_from_this(), delegate_));
  if (control_ == nullptr) OnClosed(absl::CancelledError("the event loop is stopping"));
}

void ReconnectingStream::OnOpened() {
  if (state_ == State::kStopped) return;
  state_ = State::kUp;
  up_since_ = loop_->clock().Now();
  delegate_->OnUp();
}

void ReconnectingStream::OnClosed(const absl::Status& status) {
  control_ = nullptr;
  if (state_ == State::kStopped) return;
  if (loop_->stopping()) {
    StopInLoop();
    return;
  }
  const bool was_up = state_ == State::kUp;
  if (was_up && loop_->clock().Now() - up_since_ >= kProvenAfter) backoff_.Reset();
  state_ = State::kWaiting;
  delegate_->OnDown(status, was_up);
  loop_->RunAfter(backoff_.Next(), [self = shared_from_this()] {
    if (self->state_ != State::kWaiting) return;
    self->state_ = State::kIdle;
    self->MaybeConnect();
  });
}

void ReconnectingStream::RestartInLoop() {
  if (control_ != nullptr) control_->Close(absl::UnavailableError("given up by this side"));
}

void ReconnectingStream::StopInLoop() {
  if (state_ == State::kStopped) return;
  const bool was_up = state_ == State::kUp;
  state_ = State::kStopped;
  if (control_ != nullptr) control_->Close(absl::CancelledError("stopped"));
  std::exchange(delegate_, nullptr)->OnDown(absl::CancelledError("the stream was stopped"), was_up);
}

}  // namespace flotilla::rpc
