// The cluster's birth, its ids and its stores.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_CLUSTER_API_H_
#define FLOTILLA_PD_API_CLUSTER_API_H_

#include <cstdint>

#include "pd/api/request_guard.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

class ClusterApi {
 public:
  // Both must outlive the API.
  ClusterApi(const RequestGuard* guard, MetaStore* store, uint32_t max_replicas)
      : guard_(guard), store_(store), max_replicas_(max_replicas) {}

  // Header error ALREADY_BOOTSTRAPPED for all but the first.
  void Bootstrap(const pdpb::BootstrapRequest& request, pdpb::BootstrapResponse* response,
                 rpc::Done done);
  void IsBootstrapped(const pdpb::IsBootstrappedRequest& request,
                      pdpb::IsBootstrappedResponse* response, rpc::Done done);
  // The answer's id is the last of `count` consecutive ones.
  void AllocID(const pdpb::AllocIDRequest& request, pdpb::AllocIDResponse* response,
               rpc::Done done);

  // Header error "invalid store ID <id>, not found": clients look for these words.
  void GetStore(const pdpb::GetStoreRequest& request, pdpb::GetStoreResponse* response,
                rpc::Done done);
  void GetAllStores(const pdpb::GetAllStoresRequest& request, pdpb::GetAllStoresResponse* response,
                    rpc::Done done);
  // Header error DUPLICATED_ENTRY: another store has the address; STORE_TOMBSTONE: the store was
  // removed for good or declared lost; INVALID_VALUE: no id, no address, or a version that is none.
  void PutStore(const pdpb::PutStoreRequest& request, pdpb::PutStoreResponse* response,
                rpc::Done done);
  // A store that was declared lost is answered `Removed`, and not counted as heard of.
  void StoreHeartbeat(const pdpb::StoreHeartbeatRequest& request,
                      pdpb::StoreHeartbeatResponse* response, rpc::Done done);

  void GetClusterConfig(const pdpb::GetClusterConfigRequest& request,
                        pdpb::GetClusterConfigResponse* response, rpc::Done done);
  // The number of replicas is part of the members' configuration: any other one is refused.
  void PutClusterConfig(const pdpb::PutClusterConfigRequest& request,
                        pdpb::PutClusterConfigResponse* response, rpc::Done done);

 private:
  const RequestGuard* const guard_;
  MetaStore* const store_;
  const uint32_t max_replicas_;
};

// InvalidArgument: no id, no address, or a version that is none.
absl::Status CheckStore(const metapb::Store& store);

// InvalidArgument: not of the form 1.2.3 with an optional -suffix. Empty is taken as unknown.
absl::Status CheckStoreVersion(const std::string& version);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_CLUSTER_API_H_
