// A few ids of peers at hand, so that checkers, which do not wait, can make new peers.
//
// A store takes messages to a peer of a region only if its id is above those of all peers that the
// region had there, so an id must not be older than a peer of its region: ids are kept for the
// operators of the moment and no longer.
//
// Thread-safe.
#ifndef FLOTILLA_PD_SCHEDULE_PEER_ID_POOL_H_
#define FLOTILLA_PD_SCHEDULE_PEER_ID_POOL_H_

#include <algorithm>
#include <cstdint>

#include "common/base/ids.h"
#include "common/base/mutex.h"

namespace flotilla::pd {

class PeerIdPool {
 public:
  static constexpr uint32_t kRefill = 16;

  // An id above `floor`; those below are given up. 0: none is left; the pool must be refilled.
  PeerId TakeAbove(uint64_t floor) {
    MutexLock lock(mutex_);
    next_ = std::min(end_, std::max(next_, floor + 1));
    return next_ == end_ ? PeerId() : PeerId(next_++);
  }
  // Nobody needs an id now.
  void Clear() {
    MutexLock lock(mutex_);
    next_ = end_;
  }
  // True when the caller shall fetch kRefill ids and call OnRefilled.
  bool BeginRefill() {
    MutexLock lock(mutex_);
    if (refilling_ || next_ != end_) return false;
    refilling_ = true;
    return true;
  }
  // `first` 0: it failed.
  void OnRefilled(uint64_t first) {
    MutexLock lock(mutex_);
    refilling_ = false;
    if (first == 0) return;
    next_ = first;
    end_ = first + kRefill;
  }

 private:
  Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t end_ ABSL_GUARDED_BY(mutex_) = 0;
  bool refilling_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_PEER_ID_POOL_H_
