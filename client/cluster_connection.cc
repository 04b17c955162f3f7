#include "client/cluster_connection.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "client/grpc_store_rpc.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/env/thread_scheduler.h"
#include "common/pdclient/waiter.h"

namespace flotilla::client {
namespace {

pdclient::GrpcPdClientOptions PdOptions(const ClientOptions& options, metrics::Registry* metrics) {
  pdclient::GrpcPdClientOptions pd;
  pd.endpoints = options.pd_addresses;
  pd.call_timeout = options.connect_timeout;
  pd.metrics = metrics;
  return pd;
}

}  // namespace

// What serves keys of one keyspace.
struct ClusterConnection::DataPath {
  DataPath(ClusterConnection* owner, KeyCodec codec)
      : metrics(&owner->registry_),
        executor(&owner->clock_),
        scheduler(&owner->clock_),
        cache(&owner->clock_, owner->random_.Fork("region cache"), RegionCache::Options()),
        jitter(owner->random_.Fork("backoff")),
        connector(&owner->loop_, &owner->pool_, owner->options_.transport,
                  owner->random_.Fork("stores")),
        locator(std::move(codec), &cache, &owner->pd_, &connector, &metrics),
        core({&owner->clock_, &executor, &locator, &jitter, &metrics,
              owner->pd_.cluster_id().value()},
             owner->options_),
        client(&core, &connector, &owner->registry_),
        regions(&core, &owner->pd_) {
    executor.SetWaker(scheduler.Add(&executor));
    scheduler.Start();
  }

  ClientMetrics metrics;
  Executor executor;
  env::ThreadScheduler scheduler;
  RegionCache cache;
  BackoffJitter jitter;
  GrpcStoreConnector connector;
  Locator locator;
  Core core;
  RawClientImpl client;
  RegionAdmin regions;
};

ClusterConnection::ClusterConnection(const ClientOptions& options)
    : options_(options),
      random_(env::Random::SystemSeed()),
      loop_("client-rpc", &clock_),
      pd_(PdOptions(options, &registry_), &loop_, &pool_, random_.Fork("pd")),
      admin_(&pd_),
      probe_(&loop_, &pool_),
      replicas_(&loop_, &pool_) {
  loop_.Start();
}

ClusterConnection::~ClusterConnection() {
  if (data_path_ != nullptr) {
    // In this order: nothing new begins; what waits for a store ends; what waits for PD ends with
    // the loop; then the client's destructor finds nothing under way, or waits for the last
    // callbacks.
    data_path_->core.StartClosing();
    data_path_->connector.Shutdown();
  }
  loop_.Stop();
  data_path_.reset();
}

absl::Status ClusterConnection::ReachPd() {
  if (options_.pd_addresses.empty()) {
    return absl::InvalidArgumentError("no PD address is given");
  }
  const absl::Status status = admin_.Members().status();
  if (status.ok()) return status;
  std::string addresses;
  for (const std::string& address : options_.pd_addresses) {
    addresses += (addresses.empty() ? "" : ", ") + address;
  }
  return absl::UnavailableError(
      fmt::format("cannot reach PD at {}: {}", addresses, FromAbsl(status.message())));
}

absl::StatusOr<KeyCodec> ClusterConnection::LearnCodec() {
  if (options_.api_version == ApiVersion::kV1) return KeyCodec::V1();
  pdclient::Waiter<keyspacepb::KeyspaceMeta> waiter;
  pd_.LoadKeyspace(options_.keyspace, waiter.callback());
  const absl::StatusOr<keyspacepb::KeyspaceMeta> keyspace = waiter.Wait();
  if (absl::IsNotFound(keyspace.status())) {
    return absl::NotFoundError(fmt::format("there is no keyspace {}", options_.keyspace));
  }
  RETURN_IF_ERROR(keyspace.status());
  if (keyspace->state() != keyspacepb::ENABLED) {
    return absl::FailedPreconditionError(
        fmt::format("the keyspace {} is not enabled", options_.keyspace));
  }
  return KeyCodec::V2(KeyspaceId(keyspace->id()));
}

absl::Status ClusterConnection::OpenKeyspace() {
  if (data_path_ != nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(ReachPd());
  ASSIGN_OR_RETURN(KeyCodec codec, LearnCodec());
  data_path_ = std::make_unique<DataPath>(this, std::move(codec));
  return absl::OkStatus();
}

RawClientImpl& ClusterConnection::raw() {
  CHECK(data_path_ != nullptr) << "OpenKeyspace comes first";
  return data_path_->client;
}

RegionAdmin& ClusterConnection::regions() {
  CHECK(data_path_ != nullptr) << "OpenKeyspace comes first";
  return data_path_->regions;
}

}  // namespace flotilla::client
