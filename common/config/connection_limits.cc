#include "common/config/connection_limits.h"

namespace flotilla::config {

void AddConnectionLimits(OptionSet& options, ConnectionLimits& limits) {
  options.Add(&limits.max_connections,
              {"server.max-connections",
               "Connections that may be open at once; more are closed as soon as they come. "
               "Lowered where the process may not open as many files.",
               "connections"},
              {16, 1'000'000});
  options.Add(&limits.max_connections_per_address,
              {"server.max-connections-per-address",
               "The same of one client's address, so that there is room for others. 0: three "
               "quarters of server.max-connections.",
               "connections"},
              {0, 1'000'000});
}

}  // namespace flotilla::config
