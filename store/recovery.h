// What a store finds when it starts: its regions, with whatever a crash interrupted finished.
#ifndef FLOTILLA_STORE_RECOVERY_H_
#define FLOTILLA_STORE_RECOVERY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "common/engine/kv_engine.h"
#include "common/raftlog/log_engine.h"
#include "store/region/region_state_machine.h"
#include "store/region/region_storage.h"

namespace flotilla::store {

struct RecoveredRegions {
  std::vector<PersistedRegion> regions;  // To be started.
  std::vector<RegionState> tombstones;   // Of peers that are gone for good.
};

// Finishes installations of snapshots and removals of peers that a crash interrupted, and loads the
// rest. Before any group is started; repeatable. DataLoss names what cannot be read.
absl::StatusOr<RecoveredRegions> RecoverRegions(engine::KvEngine& engine,
                                                raftlog::LogEngine& log_engine,
                                                StateInstaller& installer);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_RECOVERY_H_
