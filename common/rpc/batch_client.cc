// Requests wait in a queue until the stream takes them, and in a table of slots until they are
// answered. A request's id is its slot and the slot's generation, so an answer that comes too late
// cannot be taken for another request's.

#include "common/rpc/batch_client.h"

#include <fmt/format.h>

#include <deque>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/errors/region_error.h"
#include "common/rpc/not_executed.h"

namespace flotilla::rpc {
namespace {

constexpr env::Duration kSweepInterval = std::chrono::milliseconds(20);

}  // namespace

// The table of requests that wait for an answer. Not thread-safe: its owner locks.
class BatchClient::Pending {
 public:
  struct Ended {
    Callback callback;
    bool sent;
  };

  uint64_t Add(env::Instant deadline, Callback callback) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot.used = true;
    slot.sent = false;
    slot.deadline = deadline;
    slot.callback = std::move(callback);
    ++size_;
    return uint64_t{slot.generation} << 32 | index;
  }

  // False when the request has ended already.
  bool MarkSent(uint64_t id) {
    Slot* const slot = Find(id);
    if (slot == nullptr) return false;
    slot->sent = true;
    return true;
  }

  // Null callback when the request has ended already.
  Callback Take(uint64_t id) {
    Slot* const slot = Find(id);
    return slot == nullptr ? Callback() : Free(slot).callback;
  }

  // Ends those whose deadline is at `now` or before.
  void TakeExpired(env::Instant now, std::vector<Ended>* out) {
    for (Slot& slot : slots_) {
      if (slot.used && slot.deadline <= now) out->push_back(Free(&slot));
    }
  }

  void TakeAll(std::vector<Ended>* out) {
    for (Slot& slot : slots_) {
      if (slot.used) out->push_back(Free(&slot));
    }
  }

  size_t size() const { return size_; }

 private:
  struct Slot {
    bool used = false;
    bool sent = false;
    uint32_t generation = 1;
    env::Instant deadline;
    Callback callback;
  };

  Slot* Find(uint64_t id) {
    const uint64_t index = id & UINT32_MAX;
    if (index >= slots_.size()) return nullptr;
    Slot& slot = slots_[index];
    return slot.used && slot.generation == id >> 32 ? &slot : nullptr;
  }

  Ended Free(Slot* slot) {
    slot->used = false;
    ++slot->generation;
    free_.push_back(static_cast<uint32_t>(slot - slots_.data()));
    --size_;
    return {std::move(slot->callback), slot->sent};
  }

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  size_t size_ = 0;
};

class BatchClient::Delegate final : public StreamDelegate,
                                    public std::enable_shared_from_this<Delegate> {
 public:
  Delegate(EventLoop* loop, std::shared_ptr<Channel> channel, const BatchClientOptions& options)
      : loop_(loop), channel_(std::move(channel)), options_(options) {}

  // OK when the request waits to be sent now; `done` is taken only then.
  absl::Status Enqueue(Request request, env::Duration timeout, Callback& done);

  size_t pending() const {
    MutexLock lock(mutex_);
    return pending_.size();
  }

  void Connect(ConnectDone done) override { std::move(done)(channel_); }
  std::unique_ptr<Message> NewIncoming() const override {
    return std::make_unique<tikvpb::BatchCommandsResponse>();
  }
  std::unique_ptr<Message> NewOutgoing() const override {
    return std::make_unique<tikvpb::BatchCommandsRequest>();
  }
  bool WantsStream() override {
    MutexLock lock(mutex_);
    down_ = absl::OkStatus();
    return !queue_.empty();
  }
  bool FillNext(Message* message) override;
  void OnIncoming(Message* message) override;
  void OnDown(const absl::Status& status, bool was_up) override;

 private:
  struct Queued {
    uint64_t id;
    size_t bytes;
    Request request;
  };

  void ScheduleSweep();
  void Sweep();

  EventLoop* const loop_;
  const std::shared_ptr<Channel> channel_;
  const BatchClientOptions options_;
  // Loop thread only: reused between messages.
  std::vector<std::pair<Callback, Response*>> answers_;

  mutable Mutex mutex_;
  Pending pending_ ABSL_GUARDED_BY(mutex_);
  std::deque<Queued> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool sweeping_ ABSL_GUARDED_BY(mutex_) = false;
  // Why the stream is down, from a failure until it may connect again. Requests are refused
  // meanwhile: their callers know better what to do than to wait here.
  absl::Status down_ ABSL_GUARDED_BY(mutex_);
};

absl::Status BatchClient::Delegate::Enqueue(Request request, env::Duration timeout,
                                            Callback& done) {
  const size_t bytes = request.ByteSizeLong();
  const env::Instant deadline = loop_->clock().Now() + timeout;
  bool schedule_sweep = false;
  {
    MutexLock lock(mutex_);
    if (!down_.ok()) return down_;
    if (pending_.size() >= options_.max_pending ||
        queued_bytes_ + bytes > options_.max_queued_bytes) {
      return absl::ResourceExhaustedError(ToAbsl(
          fmt::format("{} requests ({} bytes not sent) wait for {}, the limits are {} and {} bytes",
                      pending_.size(), queued_bytes_, channel_->address(), options_.max_pending,
                      options_.max_queued_bytes)));
    }
    const uint64_t id = pending_.Add(deadline, std::move(done));
    queue_.push_back({id, bytes, std::move(request)});
    queued_bytes_ += bytes;
    schedule_sweep = !std::exchange(sweeping_, true);
  }
  if (schedule_sweep) ScheduleSweep();
  return absl::OkStatus();
}

bool BatchClient::Delegate::FillNext(Message* message) {
  auto* batch = static_cast<tikvpb::BatchCommandsRequest*>(message);
  size_t bytes = 0;
  MutexLock lock(mutex_);
  while (!queue_.empty() &&
         static_cast<size_t>(batch->requests_size()) < options_.max_batch_requests &&
         bytes < options_.max_batch_bytes) {
    Queued& next = queue_.front();
    queued_bytes_ -= next.bytes;
    if (pending_.MarkSent(next.id)) {
      bytes += next.bytes;
      *batch->add_requests() = std::move(next.request);
      batch->add_request_ids(next.id);
    }
    queue_.pop_front();
  }
  return batch->requests_size() > 0;
}

void BatchClient::Delegate::OnIncoming(Message* message) {
  auto* batch = static_cast<tikvpb::BatchCommandsResponse*>(message);
  const int count = std::min(batch->responses_size(), batch->request_ids_size());
  {
    MutexLock lock(mutex_);
    for (int i = 0; i < count; ++i) {
      Callback callback = pending_.Take(batch->request_ids(i));
      if (callback) answers_.emplace_back(std::move(callback), batch->mutable_responses(i));
    }
  }
  for (auto& [callback, response] : answers_) {
    if (response->cmd_case() == Response::CMD_NOT_SET) {
      std::move(callback)(absl::UnimplementedError(
          ToAbsl(fmt::format("{} does not know the command", channel_->address()))));
    } else {
      std::move(callback)(std::move(*response));
    }
  }
  answers_.clear();
}

void BatchClient::Delegate::OnDown(const absl::Status& status, bool /*was_up*/) {
  const std::string reason =
      fmt::format("the stream to {} broke: {}", channel_->address(), FromAbsl(status.message()));
  const absl::Status not_sent = absl::IsCancelled(status) ? absl::CancelledError(ToAbsl(reason))
                                                          : absl::UnavailableError(ToAbsl(reason));
  std::vector<Pending::Ended> ended;
  {
    MutexLock lock(mutex_);
    pending_.TakeAll(&ended);
    queue_.clear();
    queued_bytes_ = 0;
    down_ = not_sent;
  }
  const absl::Status unknown = WasNotExecuted(status) ? not_sent : errors::Undetermined(reason);
  for (Pending::Ended& request : ended) {
    std::move(request.callback)(request.sent ? unknown : not_sent);
  }
}

void BatchClient::Delegate::ScheduleSweep() {
  loop_->RunAfter(kSweepInterval, [self = shared_from_this()] { self->Sweep(); });
}

void BatchClient::Delegate::Sweep() {
  std::vector<Pending::Ended> expired;
  bool again = false;
  {
    MutexLock lock(mutex_);
    pending_.TakeExpired(loop_->clock().Now(), &expired);
    // When the loop stops, the broken stream ends what still waits.
    again = pending_.size() > 0 && !loop_->stopping();
    sweeping_ = again;
  }
  const std::string reason = fmt::format("no answer from {} in time", channel_->address());
  for (Pending::Ended& request : expired) {
    std::move(request.callback)(request.sent ? errors::Undetermined(reason)
                                             : absl::DeadlineExceededError(ToAbsl(reason)));
  }
  if (again) ScheduleSweep();
}

BatchClient::BatchClient(EventLoop* loop, std::shared_ptr<Channel> channel,
                         const BatchClientOptions& options, env::Random random)
    : delegate_(std::make_shared<Delegate>(loop, std::move(channel), options)),
      stream_(std::make_shared<ReconnectingStream>(loop, "tikvpb.Tikv/BatchCommands",
                                                   options.backoff, random, delegate_)) {
  stream_->Start();
}

BatchClient::~BatchClient() { stream_->Stop(); }

void BatchClient::Send(Request request, env::Duration timeout, Callback done) {
  absl::Status status = delegate_->Enqueue(std::move(request), timeout, done);
  if (!status.ok()) {
    std::move(done)(std::move(status));
    return;
  }
  stream_->Wake();
}

size_t BatchClient::pending() const { return delegate_->pending(); }

}  // namespace flotilla::rpc
