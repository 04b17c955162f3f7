#include "tests/sim/node/store_node.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/pdclient/grpc_pd_client.h"
#include "store/registration.h"
#include "store/snapshot/grpc_snapshot.h"
#include "tests/sim/node/starting_pd_client.h"
#include "tests/sim/node/watched_log_engine.h"

namespace flotilla::sim {
namespace {

constexpr char kDataDir[] = "data";
constexpr std::string_view kPort = ":20160";
// How long a call of PD may take while the store starts.
constexpr env::Duration kPatience = std::chrono::seconds(12);

pdclient::GrpcPdClientOptions PdOptions(const StoreNodeOptions& options,
                                        metrics::Registry* metrics) {
  pdclient::GrpcPdClientOptions pd;
  pd.endpoints = options.pd;
  pd.metrics = metrics;
  return pd;
}

}  // namespace

struct StoreNode::Running {
  Running(const StoreNode& node, const env::Random& random)
      : process(node.host_, node.clock_, node.place_.world, node.place_.fabric,
                [&node] { node.place_.network->Mute(node.id_, true); }),
        crash(random.Fork("crash")),
        pd(std::make_unique<pdclient::GrpcPdClient>(PdOptions(node.options_, &process.metrics),
                                                    &process.loop, &process.pool,
                                                    random.Fork("pd"))) {}

  rpc::AddressResolver Resolver() {
    return [this](StoreId store_id, absl::AnyInvocable<void(absl::StatusOr<std::string>) &&> done) {
      if (pd == nullptr) return std::move(done)(absl::CancelledError("the process is gone"));
      pd->GetStore(store_id, [done = std::move(done)](absl::StatusOr<metapb::Store> store) mutable {
        if (!store.ok()) return std::move(done)(std::move(store).status());
        std::move(done)(store->address());
      });
    };
  }

  Process process;
  const env::Random crash;
  std::unique_ptr<pdclient::GrpcPdClient> pd;
  std::unique_ptr<env::FileLock> lock;
  std::unique_ptr<disk::DiskReserve> reserve;
  std::unique_ptr<store::GrpcSnapshotConnector> connector;
  std::optional<WatchedLogEngine> log;
  std::unique_ptr<store::StoreCore> core;
};

StoreNode::StoreNode(const Place& place, const StoreNodeOptions& options, std::string name,
                     const ClockError& clock)
    : place_(place),
      options_(options),
      name_(std::move(name)),
      host_(absl::StrCat(name_, ToAbsl(kPort))),
      clock_(clock),
      disk_(std::make_unique<Disk>(options.disk)) {}

StoreNode::~StoreNode() {
  if (IsUp()) Kill(testing::CrashMoment::kBetweenSteps);
}

absl::Status StoreNode::Start(env::Random random) {
  CHECK(!IsUp());
  running_ = std::make_unique<Running>(*this, random);
  disk_->engine.SetFailStop(&running_->process);
  absl::Status status;
  try {
    status = Open(*running_, random);
  } catch (const testing::ProcessEnded&) {
    status = death();
  }
  if (status.ok()) {
    ++starts_;
  } else {
    Kill(testing::CrashMoment::kBetweenSteps);
  }
  return status;
}

absl::Status StoreNode::Open(Running& running, env::Random random) {
  Process& process = running.process;
  StartingPdClient pd(running.pd.get(), place_.world, kPatience);
  ASSIGN_OR_RETURN(running.lock, store::LockDataDir(disk_->files, kDataDir));
  ASSIGN_OR_RETURN(const store::StoreIdentity identity,
                   store::EnsureIdentity(disk_->files, kDataDir, pd, store::ApiVersion::kV2));
  id_ = identity.store_id;
  running.reserve = std::make_unique<disk::DiskReserve>(
      &disk_->files, kDataDir, options_.reserve_bytes, &process.scheduler, &process.metrics);
  metapb::Store self;
  self.set_id(identity.store_id.value());
  self.set_address(host_);
  self.set_version("8.5.0");
  self.set_start_timestamp(process.scheduler.WallMillis() / 1000);
  RETURN_IF_ERROR(store::EnsureClusterBootstrapped(disk_->engine, pd, self));
  const store::StartingData data{&disk_->files, kDataDir, disk_->log_engine.DurablePosition()};
  store::StoreCoreOptions core_options = options_.core;
  ASSIGN_OR_RETURN(core_options.generation,
                   store::RegisterStore(data, pd, self, random.Fork("generation")));
  running.connector = std::make_unique<store::GrpcSnapshotConnector>(
      store::SnapshotOrigin{identity.store_id, identity.cluster_id}, &process.loop, &process.pool,
      running.Resolver());
  store::StoreDependencies dependencies;
  dependencies.codec = &codec_;
  dependencies.clock = &process.scheduler;
  dependencies.random = random.Fork("core");
  dependencies.scheduler = &process.scheduler;
  dependencies.files = &disk_->files;
  dependencies.engine = &disk_->engine;
  running.log.emplace(id_, &disk_->log_engine, place_.logs, &process);
  dependencies.log_engine = &*running.log;
  dependencies.transport = place_.network->TransportOf(id_);
  dependencies.connector = running.connector.get();
  dependencies.pd = running.pd.get();
  dependencies.metrics = &process.metrics;
  dependencies.disk = running.reserve.get();
  dependencies.fail_stop = &process;
  ASSIGN_OR_RETURN(running.core, store::StoreCore::Open(core_options, identity, dependencies,
                                                        [] { return uint64_t{0}; }));
  CheckPromises();
  running.core->Bind(process.server);
  place_.fabric->Serve(host_, &process.server);
  place_.network->SetHandler(id_, [core = running.core.get()](net::Envelope envelope) {
    core->OnEnvelope(std::move(envelope));
  });
  running.core->FollowPd();
  return absl::OkStatus();
}

void StoreNode::CheckPromises() {
  for (const store::RegionViewPtr& view : core().index().All()) {
    const RegionId region = view->region.id();
    const auto kept = disk_->log_engine.Load(region);
    place_.promises->OnStart(region, PeerId(view->self.id()),
                             kept.ok() ? *kept : raftlog::GroupState{});
  }
}

void StoreNode::Kill(testing::CrashMoment moment) {
  CHECK(IsUp());
  Running& running = *running_;
  place_.network->SetHandler(id_, nullptr);
  place_.network->Mute(id_, true);
  // Nobody hears of what a dying process still does.
  place_.fabric->Detach(host_);
  if (moment == testing::CrashMoment::kAfterLogWrite) {
    running.process.scheduler.RunStage("log-writer");
  }
  running.process.scheduler.Stop();
  if (running.core != nullptr) running.core->StopGroups();
  running.pd.reset();
  running.process.loop.Stop();
  running.core.reset();
  const env::Random crash = running.crash;
  running_.reset();
  disk_->Crash(crash);
  place_.network->Mute(id_, false);
}

void StoreNode::Wipe() {
  CHECK(!IsUp());
  disk_ = std::make_unique<Disk>(options_.disk);
  id_ = StoreId();
  is_damaged_ = false;
  host_ = absl::StrCat(name_, ".", ++generation_, ToAbsl(kPort));
}

std::string StoreNode::Damage(env::Random& random) {
  std::string where = disk_->Damage(random);
  is_damaged_ |= !where.empty();
  return where;
}

std::unique_ptr<Disk> StoreNode::ExchangeDisk(std::unique_ptr<Disk> disk) {
  CHECK(!IsUp());
  return std::exchange(disk_, std::move(disk));
}

void StoreNode::SetWallSkew(int64_t ms) {
  clock_.wall_skew_ms = ms;
  if (IsUp()) scheduler().SetWallSkew(ms);
}

bool StoreNode::IsServing() const { return IsUp() && running_->core != nullptr && death().ok(); }

const absl::Status& StoreNode::death() const { return running_->process.death; }

testing::SimScheduler& StoreNode::scheduler() { return running_->process.scheduler; }

const metrics::Registry& StoreNode::metrics() const {
  CHECK(IsUp());
  return running_->process.metrics;
}

store::StoreCore& StoreNode::core() { return *running_->core; }

}  // namespace flotilla::sim
