// Who has room for more data: this store, and those of the peers whose messages say otherwise.
//
// A write that makes the data grow is refused where it is proposed, as long as that costs nothing:
// by a leader whose own disk is full, and by one that would not find a majority with room. A full
// store that is in the minority still takes entries, out of its reserve; when that runs low, it
// takes none, falls behind, and is caught up with when it has room again.
//
// Thread-safe.
#ifndef FLOTILLA_STORE_REGION_DISK_ROOM_H_
#define FLOTILLA_STORE_REGION_DISK_ROOM_H_

#include <atomic>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "common/disk/disk_reserve.h"
#include "common/metrics/registry.h"
#include "common/net/envelope.h"
#include "store/region/region.h"

namespace flotilla::store {

class DiskRoom {
 public:
  // Both must outlive the object.
  DiskRoom(StoreId self, const disk::DiskReserve* reserve, metrics::Registry* metrics);

  // DiskFull, which names a store, when the region's data must not grow now.
  absl::Status CheckGrowth(const Region& region);

  // What other stores are told, and what one of them has told.
  bool IsFull() const { return reserve_->level() != disk::DiskLevel::kRoomy; }
  void Heard(StoreId store, bool full) {
    if (full || others_full_.load(std::memory_order_relaxed)) [[unlikely]]
      Note(store, full);
  }
  // Must this message from another store be dropped, because it makes the log grow?
  bool Drops(const raft::MessageBody& body) const;

 private:
  void Note(StoreId store, bool full);

  const StoreId self_;
  const disk::DiskReserve* const reserve_;
  metrics::Counter& refused_;
  std::atomic<bool> others_full_{false};
  Mutex mutex_;
  std::set<StoreId> full_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_DISK_ROOM_H_
