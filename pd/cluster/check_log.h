// When the replicas of each region were last compared, and what came of it, as far as this
// leadership has heard. That replicas differ is in the replicated state as well.
//
// Thread-safe.
#ifndef FLOTILLA_PD_CLUSTER_CHECK_LOG_H_
#define FLOTILLA_PD_CLUSTER_CHECK_LOG_H_

#include <cstdint>

#include "absl/container/btree_map.h"
#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "flotilla/repair.pb.h"

namespace flotilla::pd {

class CheckLog {
 public:
  struct Entry {
    int64_t checked_at_ms = 0;
    repair::v1::Comparison::Agreement agreement = repair::v1::Comparison::UNKNOWN;
  };
  using Entries = absl::btree_map<RegionId, Entry>;

  void Put(RegionId region, const Entry& entry) {
    MutexLock lock(mutex_);
    entries_[region] = entry;
  }
  Entries All() const {
    MutexLock lock(mutex_);
    return entries_;
  }

 private:
  mutable Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_CLUSTER_CHECK_LOG_H_
