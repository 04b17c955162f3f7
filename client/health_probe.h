// Asks a process whether it serves: the standard gRPC health service.
#ifndef FLOTILLA_CLIENT_HEALTH_PROBE_H_
#define FLOTILLA_CLIENT_HEALTH_PROBE_H_

#include <string>

#include "absl/status/status.h"

namespace flotilla::client {

class HealthProbe {
 public:
  virtual ~HealthProbe() = default;
  // OK: it serves. Unavailable: it does not, or does not answer; the message says which. Waits at
  // most about a second.
  virtual absl::Status Probe(const std::string& address) = 0;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_HEALTH_PROBE_H_
