#include "common/multiraft/proposal_queue.h"

#include <utility>

#include "common/base/check.h"
#include "common/errors/region_error.h"

namespace flotilla::multiraft {

void PendingEntry::Answer(const absl::Status& status) {
  for (ProposalWaiter& waiter : waiters) {
    if (waiter.callback) std::exchange(waiter.callback, nullptr)(status);
  }
}

void ProposalQueue::FailAll() {
  for (PendingEntry& entry : entries_) {
    entry.Answer(errors::Undetermined("the peer stopped before its proposal was applied"));
  }
  entries_.clear();
}

void ProposalQueue::Add(PendingEntry entry) {
  while (!entries_.empty() && entries_.back().at.index >= entry.at.index) {
    CHECK_LT(entries_.back().at.term, entry.at.term);
    entries_.back().Answer(errors::StaleCommand());
    entries_.pop_back();
  }
  entries_.push_back(std::move(entry));
}

std::optional<PendingEntry> ProposalQueue::TakeCommitted(raft::EntryId committed) {
  if (entries_.empty() || entries_.front().at.index > committed.index) return std::nullopt;
  CHECK_EQ(entries_.front().at.index, committed.index) << "a committed entry was skipped";
  PendingEntry entry = std::move(entries_.front());
  entries_.pop_front();
  if (entry.at.term == committed.term) return entry;
  entry.Answer(errors::StaleCommand());
  return std::nullopt;
}

void ProposalQueue::OnSnapshot(Index index) {
  while (!entries_.empty() && entries_.front().at.index <= index) {
    entries_.front().Answer(
        errors::Undetermined("a snapshot replaced the log that held the proposal"));
    entries_.pop_front();
  }
}

void ProposalQueue::Expire(env::Instant now) {
  for (PendingEntry& entry : entries_) {
    for (ProposalWaiter& waiter : entry.waiters) {
      if (waiter.deadline > now || !waiter.callback) continue;
      std::exchange(waiter.callback,
                    nullptr)(errors::Undetermined("not applied within the request's deadline"));
    }
  }
}

}  // namespace flotilla::multiraft
