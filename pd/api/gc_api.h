// Garbage collection's safe points and barriers, in the protocol's present and older forms. The
// rules are in pd/gc; all keyspaces share one pair of points.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_GC_API_H_
#define FLOTILLA_PD_API_GC_API_H_

#include "common/env/clock.h"
#include "pd/api/request_guard.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

class GcApi {
 public:
  // All must outlive the API.
  GcApi(const RequestGuard* guard, MetaStore* store, const env::Clock* clock)
      : guard_(guard), store_(store), clock_(clock) {}

  void GetGCState(const pdpb::GetGCStateRequest& request, pdpb::GetGCStateResponse* response,
                  rpc::Done done);
  void AdvanceTxnSafePoint(const pdpb::AdvanceTxnSafePointRequest& request,
                           pdpb::AdvanceTxnSafePointResponse* response, rpc::Done done);
  void AdvanceGCSafePoint(const pdpb::AdvanceGCSafePointRequest& request,
                          pdpb::AdvanceGCSafePointResponse* response, rpc::Done done);
  void SetGCBarrier(const pdpb::SetGCBarrierRequest& request, pdpb::SetGCBarrierResponse* response,
                    rpc::Done done);
  void DeleteGCBarrier(const pdpb::DeleteGCBarrierRequest& request,
                       pdpb::DeleteGCBarrierResponse* response, rpc::Done done);

  // --- The older forms --------------------------------------------------------------------------
  void GetGCSafePoint(const pdpb::GetGCSafePointRequest& request,
                      pdpb::GetGCSafePointResponse* response, rpc::Done done);
  // Moves the transaction safe point along, as these callers know one point only. A target that
  // lies behind is answered with where the point is.
  void UpdateGCSafePoint(const pdpb::UpdateGCSafePointRequest& request,
                         pdpb::UpdateGCSafePointResponse* response, rpc::Done done);
  // A service's safe point is a barrier of its name; the service "gc_worker" asks for the
  // transaction safe point instead. Answers the lowest of all.
  void UpdateServiceGCSafePoint(const pdpb::UpdateServiceGCSafePointRequest& request,
                                pdpb::UpdateServiceGCSafePointResponse* response, rpc::Done done);

 private:
  // Checks the scope, proposes the command that `fill`(command, now_ms) writes or refuses, and has
  // `describe`(result, now_ms, response) tell what came of it.
  template <typename Request, typename Response, typename Fill, typename Describe>
  void Change(const Request& request, Response* response, rpc::Done done, Fill fill,
              Describe describe);

  const RequestGuard* const guard_;
  MetaStore* const store_;
  const env::Clock* const clock_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_GC_API_H_
