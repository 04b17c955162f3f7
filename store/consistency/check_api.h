// What an operator asks of one store: to compare the replicas of a region that it leads.
//
// Thread-safe; never blocks.
#ifndef FLOTILLA_STORE_CONSISTENCY_CHECK_API_H_
#define FLOTILLA_STORE_CONSISTENCY_CHECK_API_H_

#include "common/env/clock.h"
#include "common/rpc/done.h"
#include "flotilla/repair.pb.h"
#include "store/consistency/checker.h"

namespace flotilla::store {

repair::v1::Comparison ToProto(const Comparison& comparison);

class CheckApi {
 public:
  // All must outlive the API.
  CheckApi(ClusterId cluster_id, ConsistencyChecker* checker, const env::Clock* clock)
      : cluster_id_(cluster_id), checker_(checker), clock_(clock) {}

  void CheckRegion(const repair::v1::CheckRegionRequest& request,
                   repair::v1::CheckRegionResponse* response, rpc::Done done);

 private:
  const ClusterId cluster_id_;
  ConsistencyChecker* const checker_;
  const env::Clock* const clock_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_CONSISTENCY_CHECK_API_H_
