// The linearizable reads of a group that wait: for an index first, then for the index to be
// applied (thesis 6.4).
//
// All reads that wait share the next ReadIndex, so that the number of rounds does not grow with the
// number of reads; a few rounds may be under way at once.
//
// Thread: the raft worker that owns the group.
#ifndef FLOTILLA_COMMON_MULTIRAFT_READ_QUEUE_H_
#define FLOTILLA_COMMON_MULTIRAFT_READ_QUEUE_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "common/env/clock.h"
#include "common/multiraft/proposal.h"
#include "common/raft/types.h"

namespace flotilla::multiraft {

class ReadQueue {
 public:
  // Rounds under way at most; reads that come meanwhile share the next one.
  static constexpr size_t kMaxRounds = 4;

  // A round that hears nothing for `retry_ticks` is asked again: its message was lost.
  explicit ReadQueue(uint32_t retry_ticks) : retry_ticks_(retry_ticks) {}
  ReadQueue(const ReadQueue&) = delete;
  ReadQueue& operator=(const ReadQueue&) = delete;

  void Add(ReadRequest read) { waiting_.push_back(std::move(read)); }

  // Reads wait for a round, and one may start.
  bool WantsRound() const { return !waiting_.empty() && asked_.size() < kMaxRounds; }
  // All that wait now belong to the round `id`, for which the caller asks RawNode::ReadIndex.
  void BeginRound(raft::ReadId id);

  // The round's index is known. Unknown ids, of rounds that were asked again, are ignored.
  void OnIndex(raft::ReadId id, Index index);
  // The round is lost with its leader. Its reads wait for another round if this is the first time,
  // else they fail with `error`.
  void OnDropped(raft::ReadId id, const absl::Status& error);
  // Everything up to `applied` is applied: answers the reads of indexes that are reached. Those
  // that waited past their deadline are not executed.
  void Serve(Index applied, env::Instant now);

  // Asks again what waits too long for its index, and answers what is past its deadline.
  void Tick(env::Instant now);
  void FailAll(const absl::Status& error);
  // Fails the reads that no round was asked for.
  void FailWaiting(const absl::Status& error);

  size_t size() const;
  bool empty() const { return waiting_.empty() && asked_.empty() && indexed_.empty(); }

 private:
  struct Round {
    raft::ReadId id;
    uint32_t ticks = 0;
    bool retried = false;
    std::vector<ReadRequest> reads;
  };
  struct Indexed {
    Index index;
    std::vector<ReadRequest> reads;
  };

  void WaitAgain(Round round);

  const uint32_t retry_ticks_;
  std::vector<ReadRequest> waiting_;
  // Some of waiting_ were in a round that was lost: it is the second round for all that it takes.
  bool waiting_retried_ = false;
  std::deque<Round> asked_;
  std::deque<Indexed> indexed_;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_READ_QUEUE_H_
