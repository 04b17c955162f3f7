// Replicas that differ, and what an operator asks for when a replica or a store is damaged or gone.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_REPAIR_API_H_
#define FLOTILLA_PD_API_REPAIR_API_H_

#include <memory>

#include "flotilla/repair.pb.h"
#include "pd/api/request_guard.h"
#include "pd/meta/meta_store.h"
#include "pd/schedule/replica_checker.h"

namespace flotilla::pd {

class RepairApi {
 public:
  // All must outlive the API.
  RepairApi(const RequestGuard* guard, MetaStore* store, const env::Clock* clock,
            uint32_t max_replicas)
      : guard_(guard), store_(store), clock_(clock), config_{.max_replicas = max_replicas} {}

  // The replica checker makes the store's replicas anew from then on.
  void DeclareLost(const repair::v1::DeclareLostRequest& request,
                   repair::v1::DeclareLostResponse* response, rpc::Done done);
  // Begins an operator; GetOperator tells how it goes.
  void RebuildReplica(const repair::v1::RebuildReplicaRequest& request,
                      repair::v1::RebuildReplicaResponse* response, rpc::Done done);

  // That replicas differ is kept until a check finds all of them equal.
  void ReportCheck(const repair::v1::ReportCheckRequest& request,
                   repair::v1::ReportCheckResponse* response, rpc::Done done);
  // Regions that were checked, or whose replicas differ.
  void GetChecks(const repair::v1::GetChecksRequest& request,
                 repair::v1::GetChecksResponse* response, rpc::Done done);

 private:
  absl::StatusOr<Operator> Plan(LeaderState& state, RegionId region, StoreId store) const;

  const RequestGuard* const guard_;
  MetaStore* const store_;
  const env::Clock* const clock_;
  const ReplicaConfig config_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_REPAIR_API_H_
