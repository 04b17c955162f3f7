#include "common/pdclient/tso_stream.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/log.h"

namespace flotilla::pdclient {
namespace {

constexpr env::Duration kSweepInterval = std::chrono::milliseconds(50);

}  // namespace

TsoStream::TsoStream(rpc::EventLoop* loop, std::shared_ptr<LeaderFinder> finder,
                     const Limits& limits, metrics::Counter* stalled)
    : loop_(loop),
      finder_(std::move(finder)),
      limits_(limits),
      stalled_(stalled),
      watch_(limits.stall) {}

void TsoStream::Open(const rpc::BackoffOptions& backoff, env::Random random) {
  stream_ = std::make_shared<rpc::ReconnectingStream>(loop_, "pdpb.PD/Tso", backoff, random,
                                                      shared_from_this());
}

void TsoStream::Get(uint32_t count, Callback<Timestamp> done) {
  CHECK(count > 0 && count <= kMaxTimestampsInRequest);
  absl::Status refusal;
  bool schedule_sweep = false;
  {
    MutexLock lock(mutex_);
    if (stopped_) {
      refusal = absl::CancelledError("the PD client was stopped");
    } else if (waiting_.size() >= limits_.max_waiting) {
      refusal = absl::ResourceExhaustedError(
          ToAbsl(fmt::format("{} wait for a timestamp already", limits_.max_waiting)));
    } else {
      waiting_.push_back({count, loop_->clock().Now() + limits_.timeout, std::move(done)});
      schedule_sweep = !std::exchange(sweeping_, true);
    }
  }
  if (!refusal.ok()) {
    std::move(done)(std::move(refusal));
    return;
  }
  if (schedule_sweep) ScheduleSweep();
  stream_->Wake();
}

void TsoStream::Stop() {
  std::vector<Callback<Timestamp>> ended;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    for (Sent& sent : sent_) {
      for (Waiter& waiter : sent.waiters) ended.push_back(std::move(waiter.done));
    }
    for (Waiter& waiter : waiting_) ended.push_back(std::move(waiter.done));
    sent_.clear();
    waiting_.clear();
  }
  for (auto& done : ended) std::move(done)(absl::CancelledError("the PD client was stopped"));
  stream_->Stop();
}

void TsoStream::Connect(ConnectDone done) {
  finder_->WithLeader([self = shared_from_this(), done = std::move(done)](auto channel) mutable {
    if (channel.ok()) {
      self->loop_->Post([self, leader = *channel] {
        self->channel_ = leader;
        self->watch_.OnOpening(self->loop_->clock().Now());
      });
    }
    std::move(done)(std::move(channel));
  });
}

std::unique_ptr<TsoStream::Message> TsoStream::NewIncoming() const {
  return std::make_unique<pdpb::TsoResponse>();
}

std::unique_ptr<TsoStream::Message> TsoStream::NewOutgoing() const {
  return std::make_unique<pdpb::TsoRequest>();
}

bool TsoStream::WantsStream() {
  MutexLock lock(mutex_);
  return !waiting_.empty();
}

bool TsoStream::FillNext(Message* message) {
  auto* request = static_cast<pdpb::TsoRequest*>(message);
  if (given_up_) return false;
  MutexLock lock(mutex_);
  if (waiting_.empty()) return false;
  Sent sent;
  while (!waiting_.empty() && sent.count + waiting_.front().count <= kMaxTimestampsInRequest) {
    sent.count += waiting_.front().count;
    sent.waiters.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  request->mutable_header()->set_cluster_id(finder_->cluster_id().value());
  request->set_count(sent.count);
  sent_.push_back(std::move(sent));
  watch_.OnOwed(loop_->clock().Now());
  return true;
}

void TsoStream::OnIncoming(Message* message) {
  const auto& response = *static_cast<pdpb::TsoResponse*>(message);
  if (given_up_) return;
  const absl::Status status = HeaderStatus(response.header());
  const env::Instant now = loop_->clock().Now();
  Sent sent;
  {
    MutexLock lock(mutex_);
    if (sent_.empty()) return;
    if (status.ok() && response.count() == sent_.front().count) {
      sent = std::move(sent_.front());
      sent_.pop_front();
      watch_.OnAcknowledged(now);
      if (!sent_.empty()) watch_.OnOwed(now);
    }
  }
  if (sent.waiters.empty()) {
    // From here on answers can no longer be matched to requests: ask again on another stream.
    LOG_WARN("PD's timestamps are not used: {}, {} of them", status.ToString(), response.count());
    given_up_ = true;
    stream_->Restart();
    return;
  }
  const uint64_t largest =
      (static_cast<uint64_t>(response.timestamp().physical()) << kTimestampLogicalBits) +
      static_cast<uint64_t>(response.timestamp().logical());
  uint64_t given = largest - sent.count;
  for (Waiter& waiter : sent.waiters) {
    given += waiter.count;
    std::move(waiter.done)(given);
  }
}

void TsoStream::OnDown(const absl::Status& status, bool was_up) {
  if (was_up && !absl::IsCancelled(status)) {
    LOG_WARN("the timestamp stream to PD broke: {}", status.ToString());
  }
  if (channel_ != nullptr) finder_->Invalidate(std::exchange(channel_, nullptr));
  given_up_ = false;
  watch_.OnDown();
  MutexLock lock(mutex_);
  while (!sent_.empty()) {
    std::vector<Waiter>& waiters = sent_.back().waiters;
    waiting_.insert(waiting_.begin(), std::make_move_iterator(waiters.begin()),
                    std::make_move_iterator(waiters.end()));
    sent_.pop_back();
  }
}

void TsoStream::ScheduleSweep() {
  loop_->RunAfter(kSweepInterval, [self = shared_from_this()] { self->Sweep(); });
}

void TsoStream::GiveUpIfStalled() {
  const env::Duration allowed = watch_.timeout();
  if (!watch_.GivesUp(loop_->clock().Now())) return;
  LOG_WARN("the timestamp stream to PD at {} gave nothing for {:.1f} s: it is given up",
           channel_->address(), env::Seconds(allowed));
  if (stalled_ != nullptr) stalled_->Increment();
  finder_->GiveUp(channel_);
  given_up_ = true;
  stream_->Restart();
}

void TsoStream::Sweep() {
  GiveUpIfStalled();
  std::vector<Callback<Timestamp>> expired;
  bool again = false;
  {
    MutexLock lock(mutex_);
    const env::Instant now = loop_->clock().Now();
    const bool all = loop_->stopping();
    // Deadlines are in order: every request has the same time.
    while (!waiting_.empty() && (all || waiting_.front().deadline <= now)) {
      expired.push_back(std::move(waiting_.front().done));
      waiting_.pop_front();
    }
    for (Sent& sent : sent_) {
      for (Waiter& waiter : sent.waiters) {
        if (waiter.done && (all || waiter.deadline <= now)) {
          expired.push_back(std::move(waiter.done));
          waiter.done = [](absl::StatusOr<Timestamp>) {};
        }
      }
    }
    again = !all && (!waiting_.empty() || !sent_.empty());
    sweeping_ = again;
  }
  for (auto& done : expired) {
    std::move(done)(absl::DeadlineExceededError("PD gave no timestamp in time"));
  }
  if (again) ScheduleSweep();
}

}  // namespace flotilla::pdclient
