#include "tests/sim/node/client_node.h"

#include <optional>
#include <utility>

#include "client/backoff.h"
#include "client/client_metrics.h"
#include "client/core.h"
#include "client/executor.h"
#include "client/grpc_store_rpc.h"
#include "client/locator.h"
#include "client/region_cache.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/pdclient/grpc_pd_client.h"
#include "tests/sim/node/replica_reads.h"

namespace flotilla::sim {
namespace {

constexpr env::Duration kPatience = std::chrono::seconds(30);
constexpr int kMostRounds = 10'000;

pdclient::GrpcPdClientOptions PdOptions(const client::ClientOptions& options,
                                        metrics::Registry* metrics) {
  pdclient::GrpcPdClientOptions pd;
  pd.endpoints = options.pd_addresses;
  pd.call_timeout = options.connect_timeout;
  pd.metrics = metrics;
  return pd;
}

}  // namespace

struct ClientNode::Library {
  Library(Process* process, const client::ClientOptions& client_options, const env::Random& seed)
      : options(client_options),
        random(seed),
        pd(std::make_unique<pdclient::GrpcPdClient>(PdOptions(options, &process->metrics),
                                                    &process->loop, &process->pool,
                                                    random.Fork("pd"))) {}

  const client::ClientOptions options;
  const env::Random random;
  std::unique_ptr<pdclient::GrpcPdClient> pd;
};

// As client/cluster_connection.cc puts it together.
struct ClientNode::DataPath {
  DataPath(Process* process, Library* library, client::KeyCodec codec, double replica_reads)
      : metrics(&process->metrics),
        executor(&process->scheduler),
        cache(&process->scheduler, library->random.Fork("region cache"),
              client::RegionCache::Options()),
        jitter(library->random.Fork("backoff")),
        connector(&process->loop, &process->pool, library->options.transport,
                  library->random.Fork("stores")),
        stores(&connector, &process->scheduler, replica_reads,
               library->random.Fork("replica reads")),
        locator(std::move(codec), &cache, library->pd.get(), &stores, &metrics),
        core({&process->scheduler, &executor, &locator, &jitter, &metrics,
              library->pd->cluster_id().value()},
             library->options),
        client(&core, &stores, &process->metrics) {
    stores.SetLocator(&locator);
    executor.SetWaker(process->scheduler.Add(&executor));
  }

  client::ClientMetrics metrics;
  client::Executor executor;
  client::RegionCache cache;
  client::BackoffJitter jitter;
  client::GrpcStoreConnector connector;
  ReplicaReads stores;
  client::Locator locator;
  client::Core core;
  client::RawClientImpl client;
};

ClientNode::ClientNode(testing::SimWorld* world, Fabric* fabric, std::string host,
                       const ClientNodeOptions& options, env::Random random)
    : world_(world),
      host_(std::move(host)),
      replica_reads_(options.replica_reads),
      process_(host_, ClockError(), world, fabric),
      library_(std::make_unique<Library>(&process_, options.library, random)) {}

ClientNode::~ClientNode() {
  if (data_path_ != nullptr) {
    data_path_->core.StartClosing();
    data_path_->connector.Shutdown();
  }
  process_.loop.Stop();
  if (data_path_ != nullptr) {
    // What waits for a retry sees that the client is closing.
    for (int round = 0; data_path_->core.in_flight() > 0; ++round) {
      CHECK(round < kMostRounds) << data_path_->core.in_flight() << " operations do not end";
      data_path_->executor.ExpireAll();
      data_path_->executor.RunOnce();
      process_.loop.Stop();
    }
  }
  data_path_.reset();
  library_->pd.reset();
  process_.loop.Stop();
  process_.scheduler.Stop();
}

absl::Status ClientNode::Connect() {
  std::optional<absl::StatusOr<keyspacepb::KeyspaceMeta>> keyspace;
  const env::Instant end = world_->now() + kPatience;
  while (world_->now() < end && !(keyspace.has_value() && keyspace->ok())) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<keyspacepb::KeyspaceMeta>>>();
    library_->pd->LoadKeyspace(library_->options.keyspace,
                               [answer](auto result) { *answer = std::move(result); });
    world_->RunUntil([&] { return answer->has_value(); }, kPatience);
    if (!answer->has_value()) break;
    keyspace = std::move(*answer);
  }
  if (!keyspace.has_value()) return absl::DeadlineExceededError("PD does not answer");
  RETURN_IF_ERROR(keyspace->status());
  data_path_ = std::make_unique<DataPath>(&process_, library_.get(),
                                          client::KeyCodec::V2(KeyspaceId((*keyspace)->id())),
                                          replica_reads_);
  return absl::OkStatus();
}

client::RawClient& ClientNode::raw() { return data_path_->client; }

pdclient::PdClient& ClientNode::pd() { return *library_->pd; }

}  // namespace flotilla::sim
