#include "common/multiraft/read_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/planted_bugs.h"

namespace flotilla::multiraft {
namespace {

// A read that is being answered waits no more: its process may end in the midst of it.
void AnswerAll(std::vector<ReadRequest>& reads, const absl::Status& status) {
  std::vector<ReadRequest> answered = std::exchange(reads, {});
  for (ReadRequest& read : answered) std::move(read.callback)(status);
}

void AnswerExpired(std::vector<ReadRequest>& reads, env::Instant now) {
  auto expired = std::stable_partition(
      reads.begin(), reads.end(), [now](const ReadRequest& read) { return read.deadline > now; });
  for (auto it = expired; it != reads.end(); ++it) {
    std::move(it->callback)(absl::DeadlineExceededError("read index not known within deadline"));
  }
  reads.erase(expired, reads.end());
}

}  // namespace

void ReadQueue::BeginRound(raft::ReadId id) {
  asked_.push_back({.id = id, .retried = waiting_retried_, .reads = std::move(waiting_)});
  waiting_.clear();
  waiting_retried_ = false;
}

void ReadQueue::OnIndex(raft::ReadId id, Index index) {
  auto round =
      std::find_if(asked_.begin(), asked_.end(), [id](const Round& r) { return r.id == id; });
  if (round == asked_.end()) return;
  indexed_.push_back({.index = index, .reads = std::move(round->reads)});
  asked_.erase(round);
}

void ReadQueue::OnDropped(raft::ReadId id, const absl::Status& error) {
  auto found =
      std::find_if(asked_.begin(), asked_.end(), [id](const Round& r) { return r.id == id; });
  if (found == asked_.end()) return;
  Round round = std::move(*found);
  asked_.erase(found);
  if (round.retried) {
    AnswerAll(round.reads, error);
  } else {
    WaitAgain(std::move(round));
  }
}

void ReadQueue::WaitAgain(Round round) {
  waiting_retried_ = true;
  std::move(round.reads.begin(), round.reads.end(), std::back_inserter(waiting_));
}

void ReadQueue::Serve(Index applied, env::Instant now) {
  // Indexes may come out of order: a later round can be answered by a new leader first.
  for (auto it = indexed_.begin(); it != indexed_.end();) {
    if (it->index > applied && !Planted(Bug::kReadBeforeApplied)) {
      ++it;
      continue;
    }
    AnswerExpired(it->reads, now);
    AnswerAll(it->reads, absl::OkStatus());
    it = indexed_.erase(it);
  }
}

void ReadQueue::Tick(env::Instant now) {
  if (empty()) return;
  AnswerExpired(waiting_, now);
  for (Indexed& indexed : indexed_) AnswerExpired(indexed.reads, now);
  for (auto it = asked_.begin(); it != asked_.end();) {
    AnswerExpired(it->reads, now);
    if (it->reads.empty()) {
      it = asked_.erase(it);
    } else if (++it->ticks > retry_ticks_) {
      WaitAgain(std::move(*it));
      it = asked_.erase(it);
    } else {
      ++it;
    }
  }
}

void ReadQueue::FailAll(const absl::Status& error) {
  FailWaiting(error);
  for (Round& round : asked_) AnswerAll(round.reads, error);
  for (Indexed& indexed : indexed_) AnswerAll(indexed.reads, error);
  asked_.clear();
  indexed_.clear();
}

void ReadQueue::FailWaiting(const absl::Status& error) {
  AnswerAll(waiting_, error);
  waiting_retried_ = false;
}

size_t ReadQueue::size() const {
  size_t count = waiting_.size();
  for (const Round& round : asked_) count += round.reads.size();
  for (const Indexed& indexed : indexed_) count += indexed.reads.size();
  return count;
}

}  // namespace flotilla::multiraft
