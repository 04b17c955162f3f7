// Asks a store to compare the replicas of a region that it leads.
#ifndef FLOTILLA_CLIENT_REPLICA_PROBE_H_
#define FLOTILLA_CLIENT_REPLICA_PROBE_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/env/clock.h"
#include "flotilla/repair.pb.h"

namespace flotilla::client {

class ReplicaProbe {
 public:
  virtual ~ReplicaProbe() = default;
  // Waits for the answer. A region error is in it; Unavailable and DeadlineExceeded: the store at
  // `address` does not answer.
  virtual absl::StatusOr<repair::v1::CheckRegionResponse> Check(
      const std::string& address, const repair::v1::CheckRegionRequest& request,
      env::Duration timeout) = 0;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_REPLICA_PROBE_H_
