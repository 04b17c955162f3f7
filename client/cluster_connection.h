// The client's main assembly: threads, connections, PD client, caches, in the order of their lives.
#ifndef FLOTILLA_CLIENT_CLUSTER_CONNECTION_H_
#define FLOTILLA_CLIENT_CLUSTER_CONNECTION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "client/admin.h"
#include "client/grpc_health_probe.h"
#include "client/grpc_replica_probe.h"
#include "client/raw_client_impl.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "common/metrics/registry.h"
#include "common/pdclient/grpc_pd_client.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_event_loop.h"

namespace flotilla::client {

// Thread-safe but for opening and destruction.
class ClusterConnection {
 public:
  // Starts the threads; reaches nobody yet.
  explicit ClusterConnection(const ClientOptions& options);
  // Ends operations under way, and waits for their callbacks.
  ~ClusterConnection();
  ClusterConnection(const ClusterConnection&) = delete;
  ClusterConnection& operator=(const ClusterConnection&) = delete;

  // Reaches PD. Unavailable, naming the addresses, when no member answers within
  // options.connect_timeout.
  absl::Status ReachPd();
  // Reaches PD and learns the keyspace; then raw() and regions() may be used. NotFound when there
  // is no such keyspace. Idempotent.
  absl::Status OpenKeyspace();

  Admin& admin() { return admin_; }
  HealthProbe& probe() { return probe_; }
  ReplicaProbe& replicas() { return replicas_; }
  // REQUIRES: OpenKeyspace was OK.
  RawClientImpl& raw();
  RegionAdmin& regions();

 private:
  struct DataPath;

  absl::StatusOr<KeyCodec> LearnCodec();

  const ClientOptions options_;
  const env::SystemClock clock_;
  env::Random random_;
  metrics::Registry registry_;
  rpc::GrpcEventLoop loop_;
  rpc::ChannelPool pool_;
  pdclient::GrpcPdClient pd_;
  Admin admin_;
  GrpcHealthProbe probe_;
  GrpcReplicaProbe replicas_;
  std::unique_ptr<DataPath> data_path_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_CLUSTER_CONNECTION_H_
