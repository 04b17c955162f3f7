// One command's, or one shell's, way to the cluster: opened when first needed, so that commands
// which need no cluster work without one.
#ifndef FLOTILLA_CLIENT_CLI_SESSION_H_
#define FLOTILLA_CLIENT_CLI_SESSION_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "client/admin.h"
#include "client/health_probe.h"
#include "client/replica_probe.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cli {

// Not thread-safe; what it returns lives as long as the session.
class Session {
 public:
  virtual ~Session() = default;
  // Needs PD alone.
  virtual absl::StatusOr<client::Admin*> admin() = 0;
  // Need the keyspace too.
  virtual absl::StatusOr<client::RawClient*> raw() = 0;
  virtual absl::StatusOr<client::RegionAdmin*> regions() = 0;
  // Needs nothing.
  virtual client::HealthProbe& probe() = 0;
  virtual client::ReplicaProbe& replicas() = 0;
};

using SessionFactory =
    std::function<std::unique_ptr<Session>(const client::ClientOptions& options)>;

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_SESSION_H_
