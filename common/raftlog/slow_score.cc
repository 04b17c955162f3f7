#include "common/raftlog/slow_score.h"

#include <algorithm>

namespace flotilla::raftlog {

void SlowScore::OnBegin(env::Instant now) {
  MutexLock lock(mutex_);
  CloseSeconds(now);
  began_ = now;
}

void SlowScore::OnEnd(env::Instant now) {
  MutexLock lock(mutex_);
  CloseSeconds(now);
  ++writes_;
  if (began_ && now - *began_ > kSlow) ++slow_writes_;
  began_.reset();
}

double SlowScore::At(env::Instant now) {
  MutexLock lock(mutex_);
  CloseSeconds(now);
  return score_;
}

void SlowScore::CloseSeconds(env::Instant now) {
  constexpr double kDoublingPart = 0.1;
  constexpr double kRecoveryStep = (kWorst - kBest) / static_cast<double>(kRecovery / kSecond);
  for (; second_end_ <= now; second_end_ += kSecond) {
    // A disk that hangs completes nothing that could be counted.
    if (began_ && second_end_ - *began_ > kSlow) {
      ++writes_;
      ++slow_writes_;
    }
    if (slow_writes_ > 0) {
      const double part = static_cast<double>(slow_writes_) / static_cast<double>(writes_);
      score_ = std::min(kWorst, score_ * (1 + std::min(1.0, part / kDoublingPart)));
    } else {
      score_ = std::max(kBest, score_ - kRecoveryStep);
    }
    writes_ = slow_writes_ = 0;
  }
}

}  // namespace flotilla::raftlog
