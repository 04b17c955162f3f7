#include "common/raft/read_index.h"

#include <utility>

#include "common/base/check.h"

namespace flotilla::raft {

std::vector<PendingRead> ReadIndexQueue::TakePostponed() { return std::exchange(postponed_, {}); }

void ReadIndexQueue::Add(const PendingRead& read) {
  CHECK(waiting_.empty() || waiting_.back().round <= read.round);
  waiting_.push_back(read);
}

std::vector<PendingRead> ReadIndexQueue::TakeProven(uint64_t round) {
  std::vector<PendingRead> proven;
  while (!waiting_.empty() && waiting_.front().round <= round) {
    proven.push_back(waiting_.front());
    waiting_.pop_front();
  }
  return proven;
}

std::vector<ReadId> ReadIndexQueue::WaitingOf(PeerId from) const {
  std::vector<ReadId> ids;
  for (const PendingRead& read : postponed_) {
    if (read.from == from) ids.push_back(read.read_id);
  }
  for (const PendingRead& read : waiting_) {
    if (read.from == from) ids.push_back(read.read_id);
  }
  return ids;
}

}  // namespace flotilla::raft
