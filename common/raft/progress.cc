#include "common/raft/progress.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace flotilla::raft {

Progress::Progress(Index match, Index next, Inflights window)
    : match_(match), next_(next), inflights_(std::move(window)) {
  CHECK_LT(match_, next_);
}

void Progress::AnsweredRound(uint64_t round) { answered_round_ = std::max(answered_round_, round); }

void Progress::EnterState(ProgressState state) {
  append_paused_ = false;
  pending_snapshot_ = Index(0);
  state_ = state;
  inflights_.Clear();
}

void Progress::BecomeProbe() {
  // A snapshot that has arrived lets the probe start after it.
  const Index base = state_ == ProgressState::kSnapshot ? pending_snapshot_ : Index(0);
  EnterState(ProgressState::kProbe);
  next_ = std::max(match_, base) + 1;
  sent_commit_ = std::min(sent_commit_, next_ - 1);
}

void Progress::BecomeReplicate() {
  EnterState(ProgressState::kReplicate);
  next_ = match_ + 1;
}

void Progress::BecomeSnapshot(Index snapshot) {
  EnterState(ProgressState::kSnapshot);
  pending_snapshot_ = snapshot;
  next_ = snapshot + 1;
  sent_commit_ = snapshot;
}

void Progress::SentEntries(uint64_t entries, uint64_t bytes) {
  CHECK(state_ != ProgressState::kSnapshot);
  if (state_ == ProgressState::kProbe) {
    // An empty append may be repeated: it costs little and keeps the search going.
    if (entries > 0) append_paused_ = true;
    return;
  }
  if (entries > 0) {
    next_ += entries;
    inflights_.Add(next_ - 1, bytes);
  }
  // A message sent into a full window is a probe: wait for an answer.
  append_paused_ = inflights_.Full();
}

bool Progress::AdvanceMatch(Index index) {
  if (index <= match_) return false;
  match_ = index;
  next_ = std::max(next_, index + 1);
  append_paused_ = false;
  return true;
}

bool Progress::StepBack(Index rejected, Index hint) {
  if (state_ == ProgressState::kReplicate) {
    if (rejected <= match_) return false;
    next_ = match_ + 1;
  } else {
    // Probes go out one at a time: an answer to another one is old.
    if (next_ - 1 != rejected) return false;
    next_ = std::max(std::min(rejected, hint + 1), match_ + 1);
    append_paused_ = false;
  }
  sent_commit_ = std::min(sent_commit_, next_ - 1);
  return true;
}

}  // namespace flotilla::raft
