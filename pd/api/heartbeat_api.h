// Region heartbeats: what leaders of regions report, and the instructions that they get in answer.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_HEARTBEAT_API_H_
#define FLOTILLA_PD_API_HEARTBEAT_API_H_

#include <memory>

#include "common/metrics/registry.h"
#include "pd/api/request_guard.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

class HeartbeatApi {
 public:
  // All must outlive the API.
  HeartbeatApi(const RequestGuard* guard, MetaStore* store, metrics::Registry* metrics);

  // One message of a store's stream, `sink`, which gets the instructions. An error ends the stream:
  // this member does not lead, or the store belongs to another cluster. A report that is older than
  // what is known is ignored.
  absl::Status OnHeartbeat(const pdpb::RegionHeartbeatRequest& request,
                           const std::shared_ptr<HeartbeatSink>& sink);

 private:
  void Save(const std::shared_ptr<LeaderState>& state, const metapb::Region& region,
            const std::vector<RegionId>& removed);

  const RequestGuard* const guard_;
  MetaStore* const store_;
  metrics::Counter& accepted_;
  metrics::Counter& stale_;
  metrics::Counter& malformed_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_HEARTBEAT_API_H_
