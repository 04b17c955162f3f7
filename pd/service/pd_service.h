// All RPCs of PD, bound to what they mean: one line an RPC.
#ifndef FLOTILLA_PD_SERVICE_PD_SERVICE_H_
#define FLOTILLA_PD_SERVICE_PD_SERVICE_H_

#include "common/env/clock.h"
#include "common/metrics/registry.h"
#include "common/rpc/method_binder.h"
#include "pd/api/cluster_api.h"
#include "pd/api/etcd_api.h"
#include "pd/api/gc_api.h"
#include "pd/api/heartbeat_api.h"
#include "pd/api/keyspace_api.h"
#include "pd/api/member_api.h"
#include "pd/api/region_api.h"
#include "pd/api/repair_api.h"
#include "pd/api/split_api.h"
#include "pd/api/store_registry_api.h"
#include "pd/api/tso_api.h"

namespace flotilla::pd {

class PdService {
 public:
  // What the handlers work on; all must outlive the service.
  struct Parts {
    const env::Clock* clock = nullptr;
    const MemberList* members = nullptr;
    const Leadership* leadership = nullptr;
    MetaStore* store = nullptr;
    metrics::Registry* metrics = nullptr;
    uint32_t max_replicas = 3;
  };
  explicit PdService(const Parts& parts);

  // Binds every method. The service must outlive the calls.
  void Bind(rpc::MethodBinder& binder);

 private:
  void BindCluster(rpc::MethodBinder& binder);
  void BindRegions(rpc::MethodBinder& binder);
  void BindGc(rpc::MethodBinder& binder);
  void BindOthers(rpc::MethodBinder& binder);

  RequestGuard guard_;
  MemberApi members_;
  TsoApi tso_;
  ClusterApi cluster_;
  StoreRegistryApi registry_;
  RegionApi regions_;
  HeartbeatApi heartbeats_;
  SplitApi splits_;
  GcApi gc_;
  KeyspaceApi keyspaces_;
  RepairApi repairs_;
  EtcdApi etcd_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SERVICE_PD_SERVICE_H_
