// The proposals of a group that were appended to a log and whose outcome is not known yet.
//
// A pending proposal outlives its leader's term: only the entry that is committed at its index
// tells what became of it. Same term: it is applied. Another term: it was overwritten and never
// takes effect.
//
// Thread: the raft worker that owns the group.
#ifndef FLOTILLA_COMMON_MULTIRAFT_PROPOSAL_QUEUE_H_
#define FLOTILLA_COMMON_MULTIRAFT_PROPOSAL_QUEUE_H_

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/env/clock.h"
#include "common/multiraft/proposal.h"
#include "common/raft/ready.h"

namespace flotilla::multiraft {

// One caller who waits. The callback is null once it was answered.
struct ProposalWaiter {
  env::Instant deadline = env::Instant::max();
  ProposalCallback callback;
};

// An appended entry and those who wait for it, in the order of its commands.
struct PendingEntry {
  raft::EntryId at;
  std::vector<ProposalWaiter> waiters;
  // When it was proposed, then when it was committed.
  env::Instant since = {};

  // Answers all who still wait.
  void Answer(const absl::Status& status);
};

class ProposalQueue {
 public:
  ProposalQueue() = default;
  ~ProposalQueue() { FailAll(); }
  ProposalQueue(const ProposalQueue&) = delete;
  ProposalQueue& operator=(const ProposalQueue&) = delete;

  // The entry was appended to this leader's log. Those that it replaces have failed: this peer
  // would not lead its term if they had been committed.
  void Add(PendingEntry entry);

  // `committed` is the next committed entry: its waiters, if they wait here. Answers those of the
  // same index and another term (StaleCommand).
  std::optional<PendingEntry> TakeCommitted(raft::EntryId committed);

  // A snapshot replaces the log up to `index`: what was pending there cannot be known any more.
  void OnSnapshot(Index index);

  // Whoever waits still hears Undetermined.
  void FailAll();

  // Answers those whose deadline has come with Undetermined.
  void Expire(env::Instant now);

  // Number of entries with somebody who may wait.
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

 private:
  std::deque<PendingEntry> entries_;  // By index, without repetition.
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_PROPOSAL_QUEUE_H_
