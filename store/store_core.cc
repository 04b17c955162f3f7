#include "store/store_core.h"

#include <utility>

#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "store/recovery.h"
#include "store/service/kv_service.h"
#include "store/snapshot/grpc_snapshot.h"

namespace flotilla::store {
namespace {

std::unique_ptr<multiraft::Host> MakeHost(multiraft::HostConfig config, StoreId store_id,
                                          const StoreDependencies& on, RegionManager* manager) {
  config.store_id = store_id;
  multiraft::HostDependencies dependencies;
  dependencies.clock = on.clock;
  dependencies.random = on.random.Fork("host");
  dependencies.scheduler = on.scheduler;
  dependencies.log_engine = on.log_engine;
  dependencies.kv_engine = on.engine;
  dependencies.transport = on.transport;
  dependencies.tenant = manager;
  dependencies.metrics = on.metrics;
  dependencies.fail_stop = on.fail_stop;
  return std::make_unique<multiraft::Host>(config, std::move(dependencies));
}

DiskUsage DescribeDisk(multiraft::Host* host, disk::DiskReserve* disk,
                       std::function<uint64_t()> used_bytes) {
  return [host, disk, used = std::move(used_bytes)](pdpb::StoreStats& stats) {
    stats.set_slow_score(static_cast<uint64_t>(host->SlowScore()));
    stats.set_capacity(disk->capacity());
    stats.set_available(disk->level() == disk::DiskLevel::kRoomy ? disk->available() : 0);
    stats.set_used_size(used());
  };
}

}  // namespace

StoreCore::StoreCore(const StoreCoreOptions& options, const StoreIdentity& identity,
                     const StoreDependencies& dependencies, std::function<uint64_t()> used_bytes)
    : identity_(identity),
      on_(dependencies),
      room_(identity.store_id, on_.disk, on_.metrics),
      members_(on_.pd, on_.transport, on_.metrics),
      hub_(on_.engine),
      consistency_(options.consistency,
                   {.checker = {identity.store_id, &index_, &replicator_, on_.clock, on_.metrics},
                    .cluster_id = identity.cluster_id,
                    .engine = on_.engine,
                    .pd = on_.pd},
                   on_.random.Fork("consistency"),
                   [transport = on_.transport](net::Envelope answer) {
                     transport->Send(std::move(answer));
                   }),
      manager_({.store_id = identity.store_id,
                .engine = on_.engine,
                .clock = on_.clock,
                .transport = on_.transport,
                .index = &index_,
                .snapshots = &hub_,
                .installer = &hub_,
                .room = &room_,
                .members = &members_,
                .hashes = &consistency_.hashes()},
               options.peer),
      host_(MakeHost(options.host, identity.store_id, on_, &manager_)),
      write_limiter_(options.writes, on_.clock, on_.metrics),
      replicator_(host_.get()),
      limited_replicator_(&replicator_, &write_limiter_, on_.clock),
      reader_(identity.store_id, &index_, &replicator_, on_.clock),
      in_flight_(options.in_flight, on_.metrics),
      reads_(on_.clock, &in_flight_),
      splits_{PdRegionSplitter(on_.pd, &replicator_, on_.codec, on_.clock),
              SplitChecker(on_.engine, &splits_.splitter, options.split)},
      reports_{
          StoreHeartbeat(
              identity.store_id, &index_, on_.pd, on_.clock,
              DescribeDisk(host_.get(), on_.disk, std::move(used_bytes)),
              {.interval = options.heartbeat_interval, .on_declared_lost = on_.on_declared_lost}),
          PositionReport({identity.store_id, options.generation}, {.log = on_.log_engine,
                                                                   .pd = on_.pd,
                                                                   .clock = on_.clock,
                                                                   .metrics = on_.metrics,
                                                                   .fail_stop = on_.fail_stop})},
      instructions_({.host = host_.get(),
                     .manager = &manager_,
                     .splitter = &splits_.splitter,
                     .split_checker = &splits_.checker,
                     .clock = on_.clock}),
      api_({.store_id = identity.store_id,
            .cluster_id = identity.cluster_id,
            .codec = on_.codec,
            .engine = on_.engine,
            .clock = on_.clock,
            .reader = &reader_,
            .replicator = &limited_replicator_,
            .executor = &reads_,
            .splitter = &splits_.splitter,
            .room = &room_,
            .slow_score = [host = host_.get()] { return host->SlowScore(); }},
           options.kv) {
  reads_.SetWaker(on_.scheduler->Add(&reads_));
  splits_.checker.SetWaker(on_.scheduler->Add(&splits_.checker));
  consistency_.AddStages(*on_.scheduler);
  on_.scheduler->Add(&reports_.heartbeat);
  on_.scheduler->Add(&reports_.position);
  on_.scheduler->Add(on_.disk);
}

StoreCore::~StoreCore() { StopGroups(); }

absl::StatusOr<std::unique_ptr<StoreCore>> StoreCore::Open(const StoreCoreOptions& options,
                                                           const StoreIdentity& identity,
                                                           const StoreDependencies& dependencies,
                                                           std::function<uint64_t()> used_bytes) {
  std::unique_ptr<StoreCore> core(
      new StoreCore(options, identity, dependencies, std::move(used_bytes)));
  RETURN_IF_ERROR(core->OpenSnapshots(options.snapshot));
  RETURN_IF_ERROR(core->Recover());
  return core;
}

absl::Status StoreCore::OpenSnapshots(const SnapshotOptions& options) {
  const SnapshotDependencies dependencies{.engine = on_.engine,
                                          .files = on_.files,
                                          .clock = on_.clock,
                                          .scheduler = on_.scheduler,
                                          .connector = on_.connector,
                                          .metrics = on_.metrics};
  SnapshotCallbacks callbacks;
  callbacks.read_region = [engine = on_.engine](const engine::Snapshot& view, RegionId region_id) {
    return ReadRegionInView(*engine, view, region_id);
  };
  callbacks.conf_state = [](std::string_view state) { return ConfStateOf(state); };
  callbacks.deliver = [this](net::Envelope envelope) { hub_.OnReceived(std::move(envelope)); };
  callbacks.report = [this](RegionId region_id, PeerId to, bool succeeded) {
    host_->ReportSnapshot(region_id, to, succeeded);
  };
  SnapshotOptions with_room = options;
  with_room.registry.room = [disk = on_.disk] { return disk->available(); };
  ASSIGN_OR_RETURN(snapshots_,
                   SnapshotService::Open(with_room, dependencies, std::move(callbacks)));
  hub_.Connect(snapshots_.get());
  hub_.Connect(&manager_);
  return absl::OkStatus();
}

absl::Status StoreCore::Recover() {
  ASSIGN_OR_RETURN(RecoveredRegions recovered, RecoverRegions(*on_.engine, *on_.log_engine, hub_));
  manager_.Connect(
      host_.get(),
      [pd = on_.pd](pdpb::RegionHeartbeatRequest report) {
        pd->SendRegionHeartbeat(std::move(report));
      },
      [checker = &splits_.checker](RegionViewPtr view) { checker->Check(std::move(view)); });
  manager_.SetHashReportSink(
      [checker = &consistency_.checker()](RegionId, PeerId from, const HashReport& report) {
        checker->OnReport(from, report);
      });
  LOG_INFO("store {} starts with {} regions", identity_.store_id, recovered.regions.size());
  manager_.Start(recovered.regions, std::move(recovered.tombstones));
  return absl::OkStatus();
}

void StoreCore::Bind(rpc::MethodBinder& binder) {
  BindKvService(binder, &api_, &in_flight_);
  consistency_.Bind(binder);
  binder.AddStream(kSnapshotMethod,
                   SnapshotAcceptor({identity_.store_id, identity_.cluster_id},
                                    [snapshots = snapshots_.get()](
                                        std::shared_ptr<IncomingSnapshotControl> control) {
                                      return snapshots->Accept(std::move(control));
                                    }));
}

}  // namespace flotilla::store
