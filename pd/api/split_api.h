// Splits and scattering: ids for a split that a store wants, splits that clients want, and how
// operators fare.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_SPLIT_API_H_
#define FLOTILLA_PD_API_SPLIT_API_H_

#include <vector>

#include "common/env/clock.h"
#include "pd/api/request_guard.h"

namespace flotilla::pd {

// The most regions that one split makes.
inline constexpr uint32_t kMaxSplitCount = 1024;
// The most keys that one request may ask to be split at.
inline constexpr int kMaxSplitKeys = 10'000;
// How long a split request waits for the regions to be cut.
inline constexpr env::Duration kSplitPatience = std::chrono::seconds(30);

class SplitApi {
 public:
  // Both must outlive the API.
  SplitApi(const RequestGuard* guard, const env::Clock* clock) : guard_(guard), clock_(clock) {}

  // Ids for `split_count` new regions with as many peers each as the region has. Header error: the
  // region's epoch is older than what is known.
  void AskBatchSplit(const pdpb::AskBatchSplitRequest& request,
                     pdpb::AskBatchSplitResponse* response, rpc::Done done);
  // Taken note of only: the new regions' own heartbeats, which follow at once, say who leads them.
  void ReportBatchSplit(const pdpb::ReportBatchSplitRequest& request,
                        pdpb::ReportBatchSplitResponse* response, rpc::Done done);

  // Answers when the regions are cut at the keys (region boundaries), or after kSplitPatience how
  // many are.
  void SplitRegions(const pdpb::SplitRegionsRequest& request, pdpb::SplitRegionsResponse* response,
                    rpc::Done done);
  // Spreads the regions' leaders over the stores of their peers; the peers stay where they are.
  void ScatterRegion(const pdpb::ScatterRegionRequest& request,
                     pdpb::ScatterRegionResponse* response, rpc::Done done);
  void SplitAndScatterRegions(const pdpb::SplitAndScatterRegionsRequest& request,
                              pdpb::SplitAndScatterRegionsResponse* response, rpc::Done done);
  // The operator under way for the region, or its last one. Header error REGION_NOT_FOUND: none is
  // remembered.
  void GetOperator(const pdpb::GetOperatorRequest& request, pdpb::GetOperatorResponse* response,
                   rpc::Done done);

 private:
  // Cuts at the request's keys; then `on_split`(leader state, outcome, percentage of the keys)
  // tells of it in the response.
  template <typename Request, typename Response, typename OnSplit>
  void SplitThen(const Request& request, Response* response, rpc::Done done, OnSplit on_split);
  // The regions for which no operator could be made.
  std::vector<RegionId> Scatter(LeaderState& state, const std::vector<RegionId>& regions);

  const RequestGuard* const guard_;
  const env::Clock* const clock_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_SPLIT_API_H_
