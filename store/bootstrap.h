// A store's birth and its identity: which cluster the data directory belongs to, which store it is,
// and the first region of a new cluster.
//
// Every step may be interrupted by a crash and is taken up again by the next start:
//  1. The directory is locked, and is empty or has an identity.
//  2. PD gives a store id; it is made durable as the identity. A crash before: the id is lost.
//  3. If the cluster is new: the first region is written, flushed, with a mark; then PD is told;
//  then
//     the mark is removed. Who finds the mark asks PD whether the region is the cluster's first
//     one, and deletes it if another store was faster.
// Blocks; called by main before any stage runs.
#ifndef FLOTILLA_STORE_BOOTSTRAP_H_
#define FLOTILLA_STORE_BOOTSTRAP_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/engine/kv_engine.h"
#include "common/env/file_system.h"
#include "common/pdclient/pd_client.h"
#include "store/kv/key_codec.h"

namespace flotilla::store {

struct StoreIdentity {
  ClusterId cluster_id;
  StoreId store_id;
  ApiVersion api_version = ApiVersion::kV2;

  bool operator==(const StoreIdentity&) const = default;
};

// Creates the directory if need be and locks it until the result goes. Unavailable when another
// process has it.
absl::StatusOr<std::unique_ptr<env::FileLock>> LockDataDir(env::FileSystem& files,
                                                           const std::string& dir);

// The identity of the data in `dir`, made if the directory is empty. FailedPrecondition when it is
// another cluster's, of another API version, or not a store's at all.
absl::StatusOr<StoreIdentity> EnsureIdentity(env::FileSystem& files, const std::string& dir,
                                             pdclient::PdClient& pd, ApiVersion api_version);

// Makes sure that the cluster has its first region. `self` is this store as PD shall know it.
absl::Status EnsureClusterBootstrapped(engine::KvEngine& engine, pdclient::PdClient& pd,
                                       const metapb::Store& self);

// Calls of PD that start-up cannot go on without: tried again until PD answers.
absl::StatusOr<ClusterId> WaitForPd(pdclient::PdClient& pd);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_BOOTSTRAP_H_
