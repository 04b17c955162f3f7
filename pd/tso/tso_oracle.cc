#include "pd/tso/tso_oracle.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/planted_bugs.h"

namespace flotilla::pd {
namespace {

constexpr int64_t kNanosPerMilli = 1'000'000;
// A flood of requests may push the timestamps so far ahead of their pace.
constexpr int64_t kMaxBorrowedNs = 1000 * kNanosPerMilli;

}  // namespace

int64_t TsoOracle::FirstPhysical(int64_t wall_ms, int64_t saved_limit_ms) {
  if (Planted(Bug::kTsoFromWallClock)) return wall_ms;
  return std::max(wall_ms, saved_limit_ms + 1);
}

TsoOracle::TsoOracle(const env::Clock* clock, int64_t saved_limit_ms, SaveLimit save,
                     int64_t window_ms)
    : clock_(clock),
      save_(std::move(save)),
      window_ms_(window_ms),
      physical_ns_(FirstPhysical(clock->WallMillis(), saved_limit_ms) * kNanosPerMilli),
      last_look_(clock->Now()) {
  CHECK_GT(window_ms_, 0);
}

void TsoOracle::Allocate(uint32_t count, Callback callback) {
  if (count == 0 || count > kMaxLogical) {
    std::move(callback)(absl::InvalidArgumentError(
        absl::StrCat("tso count should be in [1, ", kMaxLogical, "], got ", count)));
    return;
  }
  absl::StatusOr<Timestamp> result = absl::UnavailableError("");
  bool answered = true;
  int64_t wanted_limit = 0;
  {
    MutexLock lock(mutex_);
    if (!closed_.ok()) {
      result = closed_;
    } else if (waiting_.size() >= kTsoMaxWaiting) {
      result = absl::ResourceExhaustedError(
          absl::StrCat("more than ", kTsoMaxWaiting, " timestamp requests wait"));
    } else {
      FollowClock();
      // Nobody overtakes those who wait.
      answered = waiting_.empty() && TryAllocate(count, result);
      if (!answered) waiting_.push_back({count, std::move(callback)});
      wanted_limit = WantedLimit();
    }
  }
  if (answered) std::move(callback)(std::move(result));
  if (wanted_limit != 0) Save(wanted_limit);
}

void TsoOracle::Close(const absl::Status& reason) {
  std::deque<Waiting> waiting;
  {
    MutexLock lock(mutex_);
    closed_ = reason;
    waiting.swap(waiting_);
  }
  for (Waiting& one : waiting) std::move(one.callback)(reason);
}

void TsoOracle::FollowClock() {
  const env::Instant now = clock_->Now();
  const int64_t elapsed = (now - last_look_).count();
  if (elapsed <= 0) return;
  last_look_ = now;
  const int64_t before_ms = physical_ms();
  physical_ns_ = std::clamp(clock_->WallMillis() * kNanosPerMilli, physical_ns_ + elapsed / 2,
                            physical_ns_ + elapsed * 2);
  borrowed_ns_ = std::max<int64_t>(0, borrowed_ns_ - elapsed / 2);
  if (physical_ms() != before_ms) logical_ = 0;
}

bool TsoOracle::TryAllocate(uint32_t count, absl::StatusOr<Timestamp>& result) {
  if (logical_ + count > kMaxLogical) {
    if (borrowed_ns_ >= kMaxBorrowedNs) {
      result = absl::ResourceExhaustedError(absl::StrCat("timestamps are asked for faster than ",
                                                         kMaxLogical, " a millisecond, try later"));
      return true;
    }
    physical_ns_ = (physical_ms() + 1) * kNanosPerMilli;
    borrowed_ns_ += kNanosPerMilli;
    logical_ = 0;
  }
  if (physical_ms() >= limit_ms_ && !Planted(Bug::kTsoSavedAfterUse)) return false;
  logical_ += count;
  result = Timestamp{physical_ms(), logical_};
  return true;
}

int64_t TsoOracle::WantedLimit() {
  // Renewed when half of the window is used, so that nobody waits while requests keep coming.
  if (saving_ || limit_ms_ - physical_ms() > window_ms_ / 2) return 0;
  saving_ = true;
  return physical_ms() + window_ms_;
}

void TsoOracle::Save(int64_t limit_ms) {
  save_(limit_ms, [this, limit_ms](absl::Status status) { OnSaved(limit_ms, status); });
}

void TsoOracle::OnSaved(int64_t limit_ms, const absl::Status& status) {
  std::vector<Answer> answers;
  int64_t wanted_limit = 0;
  {
    MutexLock lock(mutex_);
    saving_ = false;
    if (status.ok()) limit_ms_ = std::max(limit_ms_, limit_ms);
    FollowClock();
    while (!waiting_.empty()) {
      absl::StatusOr<Timestamp> result = absl::UnavailableError("");
      if (!status.ok()) {
        result = status;
      } else if (!TryAllocate(waiting_.front().count, result)) {
        break;
      }
      answers.push_back({std::move(waiting_.front().callback), std::move(result)});
      waiting_.pop_front();
    }
    if (!waiting_.empty()) wanted_limit = WantedLimit();
  }
  for (Answer& answer : answers) std::move(answer.callback)(std::move(answer.result));
  if (wanted_limit != 0) Save(wanted_limit);
}

}  // namespace flotilla::pd
