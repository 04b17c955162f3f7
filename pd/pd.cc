#include "pd/pd.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "common/disk/database_mark.h"
#include "common/disk/disk_reserve.h"
#include "common/engine/rocks_kv_engine.h"
#include "common/engine/rocks_options.h"
#include "common/env/fail_stop.h"
#include "common/env/posix_file_system.h"
#include "common/env/thread_scheduler.h"
#include "common/metrics/registry.h"
#include "common/raftlog/rocks_log_engine.h"
#include "common/rpc/grpc_event_loop.h"
#include "common/rpc/grpc_transport.h"
#include "common/rpc/http_server.h"
#include "common/rpc/process.h"
#include "common/rpc/raft_receiver.h"
#include "common/rpc/server.h"
#include "pd/data_dir.h"
#include "pd/founding/founding.h"
#include "pd/http/http_api.h"
#include "pd/meta/replica.h"
#include "pd/service/pd_service.h"

namespace flotilla::pd {
namespace {

// Tables of a few megabytes of metadata, the log, our own connections.
constexpr size_t kOtherFiles = 1024;

constexpr char kLostData[] =
    "Put it back from the same disk. A member cannot begin anew: the others have its votes and "
    "acknowledgements, and it has not";

// The metadata of a large cluster are some megabytes.
engine::RocksKvOptions MetaEngineOptions() {
  engine::RocksKvOptions options;
  options.block_cache_bytes = 32 * kMiB;
  options.memtable_bytes = 8 * kMiB;
  options.total_memtable_bytes = 16 * kMiB;
  return options;
}

raftlog::RocksLogOptions LogEngineOptions() {
  raftlog::RocksLogOptions options;
  options.memtable_bytes = 8 * kMiB;
  options.block_cache_bytes = 8 * kMiB;
  return options;
}

ReplicaOptions MakeReplicaOptions(const PdConfig& config) {
  ReplicaOptions options;
  options.host.tick_interval = config.raft.tick;
  options.host.election_timeout_ticks = config.raft.election_ticks;
  options.host.heartbeat_ticks = config.raft.heartbeat_ticks;
  options.host.max_log_entries = config.raft.max_log_entries;
  options.host.entry_cache_bytes = 16 * kMiB;
  options.schedule.replica.max_replicas = config.schedule.max_replicas;
  options.schedule.balance_leaders = config.schedule.balance_leaders;
  options.schedule.store_down_after = config.schedule.max_store_down_time;
  options.schedule.limits.replica = config.schedule.max_replica_operators;
  options.schedule.limits.leader = config.schedule.max_leader_operators;
  return options;
}

// The data directory.
struct Storage {
  std::unique_ptr<DataDir> dir;
  std::unique_ptr<disk::DiskReserve> disk;
  std::unique_ptr<raftlog::RocksLogEngine> log_engine;
  std::unique_ptr<engine::RocksKvEngine> meta_engine;
};

}  // namespace

class Pd::Impl {
 public:
  Impl(const PdConfig& config, std::vector<Member> members, OnRefused on_refused)
      : config_(config),
        members_(std::move(members), config.name),
        on_refused_(std::move(on_refused)),
        fail_stop_(config.data_dir, !config.log.file.empty()) {}
  ~Impl();

  absl::Status Start(std::string config_json);
  void Drain(env::Duration limit);
  int port() const { return server_->port(); }
  int status_port() const { return http_ == nullptr ? 0 : http_->port(); }

 private:
  absl::Status OpenFounding();
  absl::Status OpenEngines();
  absl::Status OpenReplica();
  absl::Status StartServer();
  absl::Status StartHttp(std::string config_json);
  void OnFounded(absl::Status status);
  void AwaitSuccessor(env::Instant deadline);

  const PdConfig config_;
  const MemberList members_;
  OnRefused on_refused_;
  env::SystemClock clock_;
  env::PosixFileSystem files_;
  env::ExitOnDiskFailure fail_stop_;
  metrics::Registry metrics_;
  rpc::GrpcEventLoop loop_{"pd-rpc", &clock_, rpc::GrpcEventLoop::Priority::kBeforeWorkers};
  rpc::ChannelPool channels_;
  std::shared_ptr<Founding> founding_;
  Storage storage_;
  std::unique_ptr<rpc::GrpcTransport> transport_;
  env::ThreadScheduler scheduler_{&clock_};
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<rpc::RaftReceiver> receiver_;
  std::unique_ptr<PdService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<HttpApi> http_api_;
  std::unique_ptr<rpc::HttpServer> http_;
};

absl::Status Pd::Impl::Start(std::string config_json) {
  ASSIGN_OR_RETURN(storage_.dir, DataDir::Open(files_, config_.data_dir, members_));
  RETURN_IF_ERROR(disk::CheckDatabases(files_, config_.data_dir, {"log", "meta"}, kLostData));
  // Before the engines: on a full disk they need the reserve.
  storage_.disk = std::make_unique<disk::DiskReserve>(
      &files_, config_.data_dir, config_.storage.reserve_bytes, &clock_, &metrics_);
  scheduler_.Add(storage_.disk.get());
  RETURN_IF_ERROR(OpenFounding());
  RETURN_IF_ERROR(OpenEngines());
  RETURN_IF_ERROR(disk::MarkDatabases(files_, config_.data_dir));
  RETURN_IF_ERROR(OpenReplica());
  RETURN_IF_ERROR(StartServer());
  scheduler_.Start();
  RETURN_IF_ERROR(StartHttp(std::move(config_json)));
  founding_->Begin([this](absl::Status status) { OnFounded(std::move(status)); });
  LOG_INFO("member {} ({}) of {} serves at {}", members_.self().name, members_.self().id,
           members_.all().size(), config_.listen);
  return absl::OkStatus();
}

// Before the engines: a directory with a Raft log and no record is from before there were records.
absl::Status Pd::Impl::OpenFounding() {
  Founding::Parts parts;
  parts.members = &members_;
  parts.files = &files_;
  parts.dir = config_.data_dir;
  parts.loop = &loop_;
  parts.pool = &channels_;
  parts.cluster_id = [this] {
    const auto cluster = replica_->store().reader().Cluster();
    return cluster.ok() ? cluster->cluster_id() : 0;
  };
  ASSIGN_OR_RETURN(founding_,
                   Founding::Open(std::move(parts), files_.Exists(storage_.dir->log_path()),
                                  env::Random(env::Random::SystemSeed())));
  return absl::OkStatus();
}

void Pd::Impl::OnFounded(absl::Status status) {
  if (status.ok()) status = replica_->Join();
  if (!status.ok()) on_refused_(status);
}

absl::Status Pd::Impl::OpenEngines() {
  raftlog::RocksLogOptions log = LogEngineOptions();
  log.fail_stop = &fail_stop_;
  ASSIGN_OR_RETURN(storage_.log_engine,
                   raftlog::RocksLogEngine::Open(storage_.dir->log_path(), log));
  engine::RocksKvOptions meta = MetaEngineOptions();
  meta.fail_stop = &fail_stop_;
  ASSIGN_OR_RETURN(storage_.meta_engine,
                   engine::RocksKvEngine::Open(storage_.dir->meta_path(), meta));
  return absl::OkStatus();
}

absl::Status Pd::Impl::OpenReplica() {
  ASSIGN_OR_RETURN(const meta::v1::ClusterMeta cluster,
                   MetaReader(storage_.meta_engine.get()).Cluster());
  const StoreId self(members_.self().id.value());
  rpc::GrpcTransportOptions transport_options;
  transport_options.store_id = self;
  // 0 on the first start: then the members tell each other by their names' ids alone.
  transport_options.cluster_id = ClusterId(cluster.cluster_id());
  transport_ = std::make_unique<rpc::GrpcTransport>(
      transport_options, &loop_, &channels_,
      [this](StoreId store, absl::AnyInvocable<void(absl::StatusOr<std::string>) &&> done) {
        const Member* member = members_.Find(PeerId(store.value()));
        if (member == nullptr) {
          std::move(done)(absl::NotFoundError("no such member"));
        } else {
          std::move(done)(member->address);
        }
      },
      [this](StoreId store) { replica_->ReportUnreachable(store); }, &metrics_);

  const uint64_t seed = env::Random::SystemSeed();
  LOG_INFO("random seed {}", seed);
  ReplicaDependencies dependencies;
  dependencies.clock = &clock_;
  dependencies.random = env::Random(seed);
  dependencies.scheduler = &scheduler_;
  dependencies.log_engine = storage_.log_engine.get();
  dependencies.kv_engine = storage_.meta_engine.get();
  dependencies.transport = transport_.get();
  dependencies.metrics = &metrics_;
  dependencies.fail_stop = &fail_stop_;
  ASSIGN_OR_RETURN(replica_,
                   Replica::Open(MakeReplicaOptions(config_), std::move(dependencies), &members_));
  receiver_ = std::make_unique<rpc::RaftReceiver>(
      self, ClusterId(cluster.cluster_id()),
      [this](net::Envelope envelope) { replica_->Step(std::move(envelope)); }, &metrics_);
  return absl::OkStatus();
}

absl::Status Pd::Impl::StartServer() {
  PdService::Parts parts;
  parts.clock = &clock_;
  parts.members = &members_;
  parts.leadership = &replica_->leadership();
  parts.store = &replica_->store();
  parts.metrics = &metrics_;
  parts.max_replicas = config_.schedule.max_replicas;
  service_ = std::make_unique<PdService>(parts);

  rpc::ServerOptions options;
  options.listen_address = config_.listen;
  options.name = "pd";
  options.max_connections = rpc::FitConnections(config_.server.max_connections, kOtherFiles);
  options.max_connections_per_address = config_.server.max_connections_per_address;
  server_ = std::make_unique<rpc::Server>(options, &loop_, &metrics_);
  service_->Bind(*server_);
  founding_->Bind(*server_);
  server_->AddStream("flotilla.raft.v1.RaftTransport/Exchange", receiver_->acceptor());
  RETURN_IF_ERROR(server_->Start());
  loop_.Start();
  return absl::OkStatus();
}

absl::Status Pd::Impl::StartHttp(std::string config_json) {
  if (config_.status_address.empty()) return absl::OkStatus();
  rpc::HttpServerOptions options;
  options.listen_address = config_.status_address;
  http_ = std::make_unique<rpc::HttpServer>(options);
  http_api_ =
      std::make_unique<HttpApi>(&clock_, &members_, &replica_->leadership(), &replica_->store());
  http_api_->Bind(*http_);
  http_->AddMetrics(&metrics_);
  http_->Get("/config", [json = std::move(config_json)](const rpc::HttpRequest&) {
    rpc::HttpResponse response;
    response.body = json;
    return response;
  });
  return http_->Start();
}

// Waits while this member leads: the next one must be found before the clients are sent away.
void Pd::Impl::AwaitSuccessor(env::Instant deadline) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  while (replica_->leadership().leader() == members_.self().id && clock_.Now() < deadline) {
    never.WaitFor(mutex, std::chrono::milliseconds(5));
  }
}

void Pd::Impl::Drain(env::Duration limit) {
  const env::Instant end = clock_.Now() + limit;
  server_->SetServing(false);
  if (members_.all().size() > 1) {
    replica_->TransferLeadershipAway();
    AwaitSuccessor(clock_.Now() + limit / 4);
  }
  server_->Shutdown(std::max<env::Duration>(end - clock_.Now() - limit / 4, {}));
  if (http_ != nullptr) http_->Stop();
  if (absl::Status status = storage_.meta_engine->Flush(); !status.ok()) {
    LOG_WARN("metadata are not flushed, the log will be replayed: {}", status.ToString());
  }
}

Pd::Impl::~Impl() {
  if (http_ != nullptr) http_->Stop();
  if (server_ != nullptr) server_->Shutdown(env::Duration(0));
  if (transport_ != nullptr) transport_->Stop();
  scheduler_.Stop();
  loop_.Stop();
  // What still waits in the replica is answered into the void while the loop's memory is there.
  replica_.reset();
}

Pd::Pd(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pd::~Pd() = default;

absl::StatusOr<std::unique_ptr<Pd>> Pd::Start(const PdConfig& config, std::string config_json,
                                              OnRefused on_refused) {
  ASSIGN_OR_RETURN(std::vector<Member> members, MembersOf(config));
  auto impl = std::make_unique<Impl>(config, std::move(members), std::move(on_refused));
  RETURN_IF_ERROR(impl->Start(std::move(config_json)));
  return std::unique_ptr<Pd>(new Pd(std::move(impl)));
}

void Pd::Drain(env::Duration limit) { impl_->Drain(limit); }
int Pd::port() const { return impl_->port(); }
int Pd::status_port() const { return impl_->status_port(); }

}  // namespace flotilla::pd
