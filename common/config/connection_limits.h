// The limits on connections that store and PD are configured with alike.
#ifndef FLOTILLA_COMMON_CONFIG_CONNECTION_LIMITS_H_
#define FLOTILLA_COMMON_CONFIG_CONNECTION_LIMITS_H_

#include <cstddef>

#include "common/config/option_set.h"

namespace flotilla::config {

struct ConnectionLimits {
  size_t max_connections = 10'000;
  size_t max_connections_per_address = 0;  // 0: three quarters of `max_connections`.
};

// As server.max-connections and server.max-connections-per-address. `limits` must outlive
// `options`.
void AddConnectionLimits(OptionSet& options, ConnectionLimits& limits);

}  // namespace flotilla::config

#endif  // FLOTILLA_COMMON_CONFIG_CONNECTION_LIMITS_H_
