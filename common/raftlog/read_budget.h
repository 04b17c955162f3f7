// How much of its groups' logs a raft worker reads from the disk in one round, for followers that
// are far behind: whatever they need, others wait no longer than reading that much takes.
//
// Groups that may not read take turns in later rounds, so that one which needs much delays none.
//
// Not thread-safe: each raft worker owns one.
#ifndef FLOTILLA_COMMON_RAFTLOG_READ_BUDGET_H_
#define FLOTILLA_COMMON_RAFTLOG_READ_BUDGET_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

#include "common/base/ids.h"

namespace flotilla::raftlog {

class ReadBudget {
 public:
  explicit ReadBudget(uint64_t bytes_per_round)
      : bytes_per_round_(bytes_per_round), left_(bytes_per_round) {}

  void BeginRound() { left_ = bytes_per_round_; }
  // The group whose turn it is, until the next one's; nullopt when no bytes are left, or nobody
  // waits.
  std::optional<RegionId> TakeTurn() {
    turn_.reset();
    if (left_ == 0 || waiting_.empty()) return std::nullopt;
    turn_ = waiting_.front();
    waiting_.pop_front();
    return turn_;
  }
  bool has_waiting() const { return !waiting_.empty(); }

  // False: the group waits for its turn.
  bool MayRead(RegionId region_id) {
    if (left_ > 0 && (waiting_.empty() || turn_ == region_id)) return true;
    if (std::find(waiting_.begin(), waiting_.end(), region_id) == waiting_.end()) {
      waiting_.push_back(region_id);
    }
    return false;
  }
  // May pass what is left, by one read.
  void Spend(uint64_t bytes) { left_ -= std::min(left_, bytes); }

 private:
  const uint64_t bytes_per_round_;
  uint64_t left_;
  std::optional<RegionId> turn_;
  std::deque<RegionId> waiting_;  // Each once.
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_READ_BUDGET_H_
