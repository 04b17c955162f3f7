// Routes: which region holds a key, and who leads it. From the leader's view in memory.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_REGION_API_H_
#define FLOTILLA_PD_API_REGION_API_H_

#include "pd/api/request_guard.h"

namespace flotilla::pd {

// The most regions that one scan answers, whatever limit it asks for.
inline constexpr size_t kMaxRegionsPerScan = 10'000;

class RegionApi {
 public:
  // `guard` must outlive the API.
  explicit RegionApi(const RequestGuard* guard) : guard_(guard) {}

  // No region in the answer: none is known for the key.
  void GetRegion(const pdpb::GetRegionRequest& request, pdpb::GetRegionResponse* response,
                 rpc::Done done);
  void GetPrevRegion(const pdpb::GetRegionRequest& request, pdpb::GetRegionResponse* response,
                     rpc::Done done);
  void GetRegionByID(const pdpb::GetRegionByIDRequest& request, pdpb::GetRegionResponse* response,
                     rpc::Done done);
  void ScanRegions(const pdpb::ScanRegionsRequest& request, pdpb::ScanRegionsResponse* response,
                   rpc::Done done);
  // Header error REGIONS_NOT_CONTAIN_ALL_KEY_RANGE: a range that must be covered is not.
  void BatchScanRegions(const pdpb::BatchScanRegionsRequest& request,
                        pdpb::BatchScanRegionsResponse* response, rpc::Done done);

 private:
  const RequestGuard* const guard_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_REGION_API_H_
