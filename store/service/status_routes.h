// What a store shows over HTTP, for people, their tools, and clients' own checks.
#ifndef FLOTILLA_STORE_SERVICE_STATUS_ROUTES_H_
#define FLOTILLA_STORE_SERVICE_STATUS_ROUTES_H_

#include <functional>
#include <string>

#include "common/metrics/registry.h"
#include "common/rpc/http_server.h"
#include "store/bootstrap.h"
#include "store/region/region_index.h"

namespace flotilla::store {

// All must outlive the server.
struct StatusSources {
  StoreIdentity identity;
  std::string config_json;  // The effective configuration.
  const RegionIndex* index = nullptr;
  const metrics::Registry* metrics = nullptr;
  std::function<bool()> serving;
};

// /status, /config (with storage.api-version, which clients' tests read), /metrics, /health,
// /debug/regions.
void AddStatusRoutes(rpc::HttpServer& server, StatusSources sources);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SERVICE_STATUS_ROUTES_H_
