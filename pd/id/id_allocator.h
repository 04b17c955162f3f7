// Hands out ids of regions, peers and stores that no leader ever hands out twice.
//
// Ids are reserved through Raft in runs; what is left of a run when the leadership ends is lost,
// never reused. Ids of one request are consecutive.
//
// Thread-safe.
#ifndef FLOTILLA_PD_ID_ID_ALLOCATOR_H_
#define FLOTILLA_PD_ID_ID_ALLOCATOR_H_

#include <cstdint>
#include <deque>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"

namespace flotilla::pd {

// Ids that PD reserves at a time, at least.
inline constexpr uint64_t kIdReservation = 1000;
// The most ids that one request may ask for.
inline constexpr uint32_t kMaxIdsPerRequest = 100'000;
// Requests that may wait for a reservation; beyond it they are refused.
inline constexpr size_t kMaxIdsWaiting = 10'000;

class IdAllocator {
 public:
  // The first of the ids asked for, or of the reserved ones.
  using Callback = absl::AnyInvocable<void(absl::StatusOr<uint64_t>) &&>;
  // Reserves `count` ids on a quorum, then runs `done`; must not run it before it returns.
  using Reserve = absl::AnyInvocable<void(uint64_t count, Callback done) const>;

  // Reserves `reservation` ids at a time, at least.
  explicit IdAllocator(Reserve reserve, uint64_t reservation = kIdReservation)
      : reserve_(std::move(reserve)), reservation_(reservation) {}

  // Runs `callback` with the first of `count` consecutive ids, at once or when more are reserved;
  // in the order of the calls. InvalidArgument: count is 0 or more than kMaxIdsPerRequest.
  void Allocate(uint32_t count, Callback callback);

  // The leadership ended: requests that wait, and all later ones, get `reason`.
  void Close(const absl::Status& reason);

 private:
  struct Waiting {
    uint32_t count;
    Callback callback;
  };

  bool TryAllocate(uint32_t count, absl::StatusOr<uint64_t>& result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How many ids to reserve now, or 0.
  uint64_t WantedIds() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartReservation(uint64_t count);
  void OnReserved(uint64_t count, const absl::StatusOr<uint64_t>& first);

  const Reserve reserve_;
  const uint64_t reservation_;
  Mutex mutex_;
  // Reserved and not handed out: [next_, end_).
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t end_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reserving_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_ID_ID_ALLOCATOR_H_
