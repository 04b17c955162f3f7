#include "pd/id/id_allocator.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace flotilla::pd {

void IdAllocator::Allocate(uint32_t count, Callback callback) {
  if (count == 0 || count > kMaxIdsPerRequest) {
    std::move(callback)(absl::InvalidArgumentError(
        absl::StrCat("the number of ids should be in [1, ", kMaxIdsPerRequest, "], got ", count)));
    return;
  }
  absl::StatusOr<uint64_t> result = absl::UnavailableError("");
  bool answered = true;
  uint64_t wanted = 0;
  {
    MutexLock lock(mutex_);
    if (!closed_.ok()) {
      result = closed_;
    } else if (waiting_.size() >= kMaxIdsWaiting) {
      result = absl::ResourceExhaustedError(
          absl::StrCat("more than ", kMaxIdsWaiting, " requests wait for ids"));
    } else {
      answered = waiting_.empty() && TryAllocate(count, result);
      if (!answered) waiting_.push_back({count, std::move(callback)});
      wanted = WantedIds();
    }
  }
  if (answered) std::move(callback)(std::move(result));
  if (wanted != 0) StartReservation(wanted);
}

void IdAllocator::Close(const absl::Status& reason) {
  std::deque<Waiting> waiting;
  {
    MutexLock lock(mutex_);
    closed_ = reason;
    waiting.swap(waiting_);
  }
  for (Waiting& one : waiting) std::move(one.callback)(reason);
}

bool IdAllocator::TryAllocate(uint32_t count, absl::StatusOr<uint64_t>& result) {
  if (end_ - next_ < count) return false;
  result = next_;
  next_ += count;
  return true;
}

uint64_t IdAllocator::WantedIds() {
  if (reserving_ || waiting_.empty()) return 0;
  reserving_ = true;
  return std::max<uint64_t>(reservation_, waiting_.front().count);
}

void IdAllocator::StartReservation(uint64_t count) {
  reserve_(count, [this, count](absl::StatusOr<uint64_t> first) { OnReserved(count, first); });
}

void IdAllocator::OnReserved(uint64_t count, const absl::StatusOr<uint64_t>& first) {
  std::vector<std::pair<Callback, absl::StatusOr<uint64_t>>> answers;
  uint64_t wanted = 0;
  {
    MutexLock lock(mutex_);
    reserving_ = false;
    if (first.ok()) {
      // What is left of the run before is kept only when the new one continues it.
      if (end_ != *first) next_ = *first;
      end_ = *first + count;
    }
    while (!waiting_.empty()) {
      absl::StatusOr<uint64_t> result = first;
      if (first.ok() && !TryAllocate(waiting_.front().count, result)) break;
      answers.emplace_back(std::move(waiting_.front().callback), std::move(result));
      waiting_.pop_front();
    }
    wanted = WantedIds();
  }
  for (auto& [callback, result] : answers) std::move(callback)(std::move(result));
  if (wanted != 0) StartReservation(wanted);
}

}  // namespace flotilla::pd
