#include "store/store.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/disk/database_mark.h"
#include "common/disk/disk_reserve.h"
#include "common/engine/rocks_kv_engine.h"
#include "common/engine/rocks_options.h"
#include "common/env/fail_stop.h"
#include "common/env/posix_file_system.h"
#include "common/env/random.h"
#include "common/env/thread_scheduler.h"
#include "common/pdclient/grpc_pd_client.h"
#include "common/pdclient/waiter.h"
#include "common/raftlog/rocks_log_engine.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_event_loop.h"
#include "common/rpc/grpc_transport.h"
#include "common/rpc/http_server.h"
#include "common/rpc/process.h"
#include "common/rpc/raft_receiver.h"
#include "common/rpc/server.h"
#include "store/bootstrap.h"
#include "store/memory_budget.h"
#include "store/registration.h"
#include "store/service/status_routes.h"
#include "store/snapshot/grpc_snapshot.h"
#include "store/store_core.h"

namespace flotilla::store {
namespace {

constexpr env::Duration kDrainPoll = std::chrono::milliseconds(50);

constexpr char kLostData[] =
    "Put it back from the same disk, or declare the store lost (flotilla store declare-lost) and "
    "start a new one with an empty directory: PD then makes the lost replicas anew";

// Nobody wakes it.
void Pause(env::Duration time) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  never.WaitFor(mutex, time);
}

ApiVersion ApiVersionOf(const StoreConfig& config) {
  return config.storage.api_version == 1 ? ApiVersion::kV1 : ApiVersion::kV2;
}

multiraft::HostConfig HostConfigOf(const StoreConfig& config) {
  multiraft::HostConfig host;
  host.raft_workers = config.raft.workers;
  host.apply_workers = config.raft.apply_workers;
  host.tick_interval = config.raft.tick;
  host.election_timeout_ticks = config.raft.election_ticks;
  host.heartbeat_ticks = config.raft.heartbeat_ticks;
  host.max_entry_bytes = config.raft.max_entry_bytes;
  host.max_log_bytes = config.raft.max_log_bytes;
  host.max_total_log_bytes = config.raft.max_total_log_bytes;
  host.max_log_entries = config.raft.max_log_entries;
  host.entry_cache_bytes = config.raft.entry_cache_bytes;
  // Half of it is for what waits to be applied, a quarter for the log's disk: leaders elsewhere may
  // fill both to twice their limits. The rest is for messages: those that a worker has taken, and
  // as many that wait.
  const uint64_t eighth = config.raft.max_queue_bytes / 8;
  host.max_apply_queue_bytes = 2 * eighth / config.raft.apply_workers;
  host.max_log_queue_bytes = eighth;
  host.max_received_bytes = eighth / config.raft.workers;
  return host;
}

RegionPeerConfig PeerConfigOf(const StoreConfig& config) {
  constexpr uint64_t kCheckFraction = 8;
  RegionPeerConfig peer;
  peer.heartbeat_interval = config.region.heartbeat_interval;
  peer.check_after_bytes = std::max<uint64_t>(1, config.region.split_bytes / kCheckFraction);
  peer.check_after_keys = std::max<uint64_t>(1, config.region.split_keys / kCheckFraction);
  return peer;
}

rpc::ServerOptions ServerOptionsOf(const StoreConfig& config, rpc::InFlight* in_flight) {
  // The log engine, snapshots, our own connections.
  constexpr size_t kFilesBesidesTables = 1024;
  rpc::ServerOptions options;
  options.listen_address = config.listen;
  options.name = "store";
  options.in_flight = in_flight;
  options.max_connections = rpc::FitConnections(
      config.server.max_connections, engine::RocksKvOptions().max_open_files + kFilesBesidesTables);
  options.max_connections_per_address = config.server.max_connections_per_address;
  options.max_receive_bytes = config.storage.max_message_bytes;
  options.transport_memory_bytes = config.transport.max_bytes;
  return options;
}

StoreCoreOptions CoreOptionsOf(const StoreConfig& config) {
  StoreCoreOptions options;
  options.host = HostConfigOf(config);
  options.peer = PeerConfigOf(config);
  options.split = {.region_bytes = config.region.split_bytes,
                   .region_keys = config.region.split_keys};
  options.kv = {.max_entry_bytes = config.raft.max_entry_bytes,
                .max_scan_bytes = config.storage.max_scan_bytes};
  options.in_flight = {.requests = config.admission.max_requests,
                       .bytes = config.admission.max_bytes};
  options.writes = {.delay = config.admission.write_delay,
                    .min_bytes = config.admission.min_write_bytes,
                    .max_bytes = config.admission.max_write_bytes};
  options.snapshot.registry.root = absl::StrCat(config.data_dir, "/snapshot");
  options.snapshot.registry.max_bytes = config.snapshot.max_bytes;
  options.snapshot.sender.bytes_per_second = config.snapshot.bytes_per_second;
  options.consistency.interval = config.consistency.interval;
  options.consistency.bytes_per_second = config.consistency.bytes_per_second;
  options.consistency.timeout = config.consistency.timeout;
  return options;
}

metapb::Store DescribeSelf(const StoreConfig& config, StoreId store_id, const env::Clock& clock) {
  metapb::Store self;
  self.set_id(store_id.value());
  self.set_address(config.advertised());
  self.set_status_address(config.status_address);
  self.set_version("8.5.0");
  self.set_start_timestamp(clock.WallMillis() / 1000);
  self.set_deploy_path(config.data_dir);
  for (const std::string& label : config.labels) {
    const size_t equals = label.find('=');
    metapb::StoreLabel* added = self.add_labels();
    added->set_key(label.substr(0, equals));
    added->set_value(label.substr(equals + 1));
  }
  return self;
}

}  // namespace

// What outlives all else: time, files, network.
struct Foundation {
  explicit Foundation(const StoreConfig& config)
      : fail_stop(config.data_dir, !config.log.file.empty()),
        random(env::Random::SystemSeed()),
        loop("rpc", &clock, rpc::GrpcEventLoop::Priority::kBeforeWorkers),
        pd(PdOptions(config, &metrics), &loop, &pool, random.Fork("pd")) {}

  static pdclient::GrpcPdClientOptions PdOptions(const StoreConfig& config,
                                                 metrics::Registry* metrics) {
    pdclient::GrpcPdClientOptions options;
    options.endpoints = config.pd;
    options.metrics = metrics;
    return options;
  }
  rpc::AddressResolver Resolver() {
    return [this](StoreId store_id, absl::AnyInvocable<void(absl::StatusOr<std::string>) &&> done) {
      pd.GetStore(store_id, [done = std::move(done)](absl::StatusOr<metapb::Store> store) mutable {
        if (!store.ok()) return std::move(done)(std::move(store).status());
        std::move(done)(store->address());
      });
    };
  }

  env::SystemClock clock;
  env::PosixFileSystem files;
  env::ExitOnDiskFailure fail_stop;
  metrics::Registry metrics;
  env::Random random;
  rpc::GrpcEventLoop loop;
  rpc::ChannelPool pool;
  pdclient::GrpcPdClient pd;
};

// The data directory.
struct Storage {
  std::unique_ptr<env::FileLock> lock;
  StoreIdentity identity;
  uint64_t generation = 0;
  std::unique_ptr<disk::DiskReserve> disk;
  std::unique_ptr<engine::RocksKvEngine> engine;
  std::unique_ptr<raftlog::RocksLogEngine> log_engine;
};

// The stages' threads, and the way to other stores. Destroyed when no stage runs any more.
struct Exchange {
  Exchange(Foundation& base, const StoreIdentity& identity, net::UnreachableHandler on_unreachable)
      : scheduler(&base.clock),
        connector({identity.store_id, identity.cluster_id}, &base.loop, &base.pool,
                  base.Resolver()),
        transport({.store_id = identity.store_id, .cluster_id = identity.cluster_id, .backoff = {}},
                  &base.loop, &base.pool, base.Resolver(), std::move(on_unreachable),
                  &base.metrics) {}

  env::ThreadScheduler scheduler;
  GrpcSnapshotConnector connector;
  rpc::GrpcTransport transport;
};

// What clients, other stores and people talk to.
struct Serving {
  Serving(const StoreConfig& config, Foundation& base, StoreCore* core)
      : raft_receiver(
            core->identity().store_id, core->identity().cluster_id,
            [core](net::Envelope envelope) { core->OnEnvelope(std::move(envelope)); },
            &base.metrics),
        server(ServerOptionsOf(config, &core->in_flight()), &base.loop, &base.metrics),
        http({.listen_address = config.status_address}) {}

  rpc::RaftReceiver raft_receiver;
  rpc::Server server;
  rpc::HttpServer http;
};

class Store::Impl {
 public:
  Impl(const StoreConfig& config, std::string config_json)
      : config_(config),
        config_json_(std::move(config_json)),
        codec_(ApiVersionOf(config_)),
        base_(config_) {}
  ~Impl();

  absl::Status Start();
  void Drain(env::Duration limit);

 private:
  absl::Status OpenEngines();
  absl::Status OpenCore();
  absl::Status Serve();
  absl::Status ServeStatus();
  void StopStages();
  void KeepHandingOver();

  const StoreConfig config_;
  const std::string config_json_;
  const KeyCodec codec_;
  Foundation base_;
  Storage storage_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<StoreCore> core_;
  std::unique_ptr<Serving> serving_;
  std::atomic<bool> in_service_{false};
  Mutex mutex_;
  bool keeps_handing_over_ ABSL_GUARDED_BY(mutex_) = false;
};

absl::Status Store::Impl::Start() {
  ReportShares(config_, base_.metrics);
  ASSIGN_OR_RETURN(storage_.lock, LockDataDir(base_.files, config_.data_dir));
  base_.loop.Start();
  ASSIGN_OR_RETURN(storage_.identity,
                   EnsureIdentity(base_.files, config_.data_dir, base_.pd, ApiVersionOf(config_)));
  RETURN_IF_ERROR(disk::CheckDatabases(base_.files, config_.data_dir, {"data", "log"}, kLostData));
  RETURN_IF_ERROR(OpenEngines());
  RETURN_IF_ERROR(disk::MarkDatabases(base_.files, config_.data_dir));
  const metapb::Store self = DescribeSelf(config_, storage_.identity.store_id, base_.clock);
  RETURN_IF_ERROR(EnsureClusterBootstrapped(*storage_.engine, base_.pd, self));
  const StartingData data{&base_.files, config_.data_dir, storage_.log_engine->DurablePosition()};
  ASSIGN_OR_RETURN(storage_.generation,
                   RegisterStore(data, base_.pd, self, base_.random.Fork("generation")));
  RETURN_IF_ERROR(OpenCore());
  return Serve();
}

absl::Status Store::Impl::OpenEngines() {
  // Before the engines: on a full disk they need the reserve.
  storage_.disk = std::make_unique<disk::DiskReserve>(
      &base_.files, config_.data_dir, config_.storage.reserve_bytes, &base_.clock, &base_.metrics);
  // Old entries are read now and then only.
  const uint64_t log_cache = std::min(32 * kMiB, config_.storage.block_cache_bytes / 8);
  engine::RocksKvOptions data;
  data.block_cache_bytes = config_.storage.block_cache_bytes - log_cache;
  data.memtable_bytes = config_.storage.memtable_bytes;
  data.total_memtable_bytes = 3 * config_.storage.memtable_bytes;
  data.metrics = &base_.metrics;
  data.fail_stop = &base_.fail_stop;
  ASSIGN_OR_RETURN(storage_.engine,
                   engine::RocksKvEngine::Open(absl::StrCat(config_.data_dir, "/data"), data));
  raftlog::RocksLogOptions log;
  log.memtable_bytes = config_.storage.log_memtable_bytes;
  log.block_cache_bytes = log_cache;
  log.metrics = &base_.metrics;
  log.fail_stop = &base_.fail_stop;
  ASSIGN_OR_RETURN(storage_.log_engine,
                   raftlog::RocksLogEngine::Open(absl::StrCat(config_.data_dir, "/log"), log));
  return absl::OkStatus();
}

absl::Status Store::Impl::OpenCore() {
  exchange_ = std::make_unique<Exchange>(
      base_, storage_.identity, [this](StoreId store_id) { core_->ReportUnreachable(store_id); });
  StoreDependencies dependencies;
  dependencies.codec = &codec_;
  dependencies.clock = &base_.clock;
  dependencies.random = base_.random.Fork("core");
  dependencies.scheduler = &exchange_->scheduler;
  dependencies.files = &base_.files;
  dependencies.engine = storage_.engine.get();
  dependencies.log_engine = storage_.log_engine.get();
  dependencies.transport = &exchange_->transport;
  dependencies.connector = &exchange_->connector;
  dependencies.pd = &base_.pd;
  dependencies.metrics = &base_.metrics;
  dependencies.fail_stop = &base_.fail_stop;
  dependencies.disk = storage_.disk.get();
  // As if the process manager had asked for it: leaders are handed over, and nothing else is to do.
  dependencies.on_declared_lost = [] { kill(getpid(), SIGTERM); };
  StoreCoreOptions options = CoreOptionsOf(config_);
  options.generation = storage_.generation;
  ASSIGN_OR_RETURN(
      core_,
      StoreCore::Open(options, storage_.identity, dependencies,
                      [engine = storage_.engine.get(), log_engine = storage_.log_engine.get()] {
                        return engine->DiskBytes() + log_engine->ApproximateBytes();
                      }));
  serving_ = std::make_unique<Serving>(config_, base_, core_.get());
  return absl::OkStatus();
}

absl::Status Store::Impl::Serve() {
  core_->Bind(serving_->server);
  serving_->server.AddStream("flotilla.raft.v1.RaftTransport/Exchange",
                             serving_->raft_receiver.acceptor());
  RETURN_IF_ERROR(serving_->server.Start());
  exchange_->scheduler.Start();
  core_->FollowPd();
  in_service_ = true;
  RETURN_IF_ERROR(ServeStatus());
  LOG_INFO("store {} serves at {}", storage_.identity.store_id, config_.advertised());
  return absl::OkStatus();
}

absl::Status Store::Impl::ServeStatus() {
  if (config_.status_address.empty()) return absl::OkStatus();
  AddStatusRoutes(serving_->http, {.identity = storage_.identity,
                                   .config_json = config_json_,
                                   .index = &core_->index(),
                                   .metrics = &base_.metrics,
                                   .serving = [this] { return in_service_.load(); }});
  return serving_->http.Start();
}

void Store::Impl::Drain(env::Duration limit) {
  if (serving_ == nullptr || !in_service_.exchange(false)) return;
  const env::Instant end = base_.clock.Now() + limit / 2;
  LOG_INFO("store {} hands over its leaderships", storage_.identity.store_id);
  size_t led = core_->TransferLeadersAway();
  while (led > 0 && base_.clock.Now() < end) {
    Pause(kDrainPoll);
    led = core_->TransferLeadersAway();
  }
  if (led > 0) LOG_WARN("{} regions could not be handed over in time", led);
  {
    MutexLock lock(mutex_);
    keeps_handing_over_ = true;
  }
  base_.loop.Post([this] { KeepHandingOver(); });
  serving_->server.Shutdown(limit / 4);
  {
    MutexLock lock(mutex_);
    keeps_handing_over_ = false;
  }
  StopStages();
  CHECK_OK(storage_.engine->Flush());
  LOG_INFO("store {} has stopped", storage_.identity.store_id);
}

// A region may elect this store once more while the server goes down. Its clients would keep their
// streams busy, and get no answers once the server takes no more messages of Raft.
void Store::Impl::KeepHandingOver() {
  MutexLock lock(mutex_);
  if (!keeps_handing_over_) return;
  core_->TransferLeadersAway();
  base_.loop.RunAfter(kDrainPoll, [this] { KeepHandingOver(); });
}

void Store::Impl::StopStages() {
  serving_->http.Stop();
  exchange_->transport.Stop();
  exchange_->scheduler.Stop();
}

Store::Impl::~Impl() {
  if (serving_ != nullptr) {
    serving_->server.Shutdown(env::Duration::zero());
    StopStages();
  }
  if (core_ != nullptr) core_->StopGroups();
  base_.loop.Stop();
  serving_.reset();
  core_.reset();
  exchange_.reset();
}

absl::StatusOr<std::unique_ptr<Store>> Store::Start(const StoreConfig& config,
                                                    std::string config_json) {
  auto impl = std::make_unique<Impl>(config, std::move(config_json));
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

void Store::Drain(env::Duration limit) { impl_->Drain(limit); }

}  // namespace flotilla::store
