#include "store/kv/read_stage.h"

#include <utility>

#include "common/errors/region_error.h"

namespace flotilla::store {
namespace {

constexpr uint64_t kBackoffMs = 50;

}  // namespace

ReadStage::~ReadStage() {
  TakeInbox();
  for (auto& [deadline, work] : queue_) {
    std::move(work)(absl::UnavailableError("the store is stopping"));
  }
}

void ReadStage::Run(env::Instant deadline, Work work) {
  if (waiting_.fetch_add(1, std::memory_order_relaxed) >= kMaxWaiting) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    std::move(work)(errors::ServerIsBusy("too many long reads wait", kBackoffMs));
    return;
  }
  inbox_.PushCompletion({deadline, std::move(work)});
}

bool ReadStage::RunOnce() {
  TakeInbox();
  while (!queue_.empty()) {
    const auto first = queue_.begin();
    const env::Instant deadline = first->first;
    Work work = std::move(first->second);
    queue_.erase(first);
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    if (deadline > clock_->Now()) {
      std::move(work)(in_flight_->CheckBytes());
      break;
    }
    std::move(work)(absl::DeadlineExceededError("the read waited past its deadline"));
  }
  return !queue_.empty();
}

void ReadStage::TakeInbox() {
  inbox_.TakeAll(taken_);
  for (Waiting& waiting : taken_) queue_.emplace(waiting.deadline, std::move(waiting.work));
  taken_.clear();
}

}  // namespace flotilla::store
