// The timestamp oracle of one leadership: strictly increasing timestamps near the wall clock.
//
// No timestamp at or beyond `limit` is handed out before the limit is saved through Raft; the next
// leader starts beyond the saved limit, so timestamps increase across leaders and restarts,
// whatever the wall clocks say.
//
// The physical part follows the wall clock, but at no less than half and no more than twice the
// pace of the monotonic clock: a wall clock that jumps a year ahead for a minute leaves the
// timestamps at most a minute ahead, and one that is set back slows them down without stopping what
// depends on their advance. Only the start of a leadership trusts the wall clock as it is.
//
// Thread-safe.
#ifndef FLOTILLA_PD_TSO_TSO_ORACLE_H_
#define FLOTILLA_PD_TSO_TSO_ORACLE_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "pd/tso/timestamp.h"

namespace flotilla::pd {

// How far ahead of the timestamps the limit is saved in production. A new leader's first timestamp
// is at most so far ahead of the last one of the old leader.
inline constexpr int64_t kTsoWindowMs = 3000;
// Requests that may wait for the limit to be saved; beyond it they are refused.
inline constexpr size_t kTsoMaxWaiting = 100'000;

class TsoOracle {
 public:
  // Saves `limit_ms` on a quorum, then runs `done`; must not run it before it returns.
  using SaveLimit = absl::AnyInvocable<void(int64_t limit_ms,
                                            absl::AnyInvocable<void(absl::Status) &&> done) const>;
  using Callback = absl::AnyInvocable<void(absl::StatusOr<Timestamp>) &&>;

  // Where a new leader starts, given what its predecessors saved.
  static int64_t FirstPhysical(int64_t wall_ms, int64_t saved_limit_ms);

  // Starts at FirstPhysical. `clock` must outlive the oracle; `save` and what it starts must not
  // outlive it: the owner calls Close and drops late completions. `window_ms`: how far ahead of the
  // timestamps the limit is saved; longer than a save takes.
  TsoOracle(const env::Clock* clock, int64_t saved_limit_ms, SaveLimit save,
            int64_t window_ms = kTsoWindowMs);

  // Hands out `count` timestamps, the last of which `callback` gets; the others have the same
  // physical part and the logical parts before it. Runs at once, or when a new limit is saved; in
  // the order of the calls. InvalidArgument: count is 0 or does not fit a millisecond.
  // ResourceExhausted: timestamps are asked for faster than milliseconds pass. Whoever passes the
  // timestamp on must check the leader's lease afterwards.
  void Allocate(uint32_t count, Callback callback);

  // The leadership ended: requests that wait, and all later ones, get `reason`.
  void Close(const absl::Status& reason);

 private:
  struct Waiting {
    uint32_t count;
    Callback callback;
  };
  struct Answer {
    Callback callback;
    absl::StatusOr<Timestamp> result;
  };

  // Moves the physical part with the clock.
  void FollowClock() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False: not before a higher limit is saved.
  bool TryAllocate(uint32_t count, absl::StatusOr<Timestamp>& result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The limit to save now, or 0.
  int64_t WantedLimit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Save(int64_t limit_ms);
  void OnSaved(int64_t limit_ms, const absl::Status& status);
  int64_t physical_ms() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return physical_ns_ / 1'000'000;
  }

  const env::Clock* const clock_;
  const SaveLimit save_;
  const int64_t window_ms_;

  Mutex mutex_;
  int64_t physical_ns_ ABSL_GUARDED_BY(mutex_);
  // The last logical part handed out within physical_ms(); 0 is never handed out.
  int64_t logical_ ABSL_GUARDED_BY(mutex_) = 0;
  // How much of the physical part was taken ahead of its pace because a millisecond was used up.
  int64_t borrowed_ns_ ABSL_GUARDED_BY(mutex_) = 0;
  env::Instant last_look_ ABSL_GUARDED_BY(mutex_);
  // Timestamps are below it. Saved; 0 before the first save.
  int64_t limit_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  bool saving_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_TSO_TSO_ORACLE_H_
