// A store above its interfaces: regions, Raft groups, snapshots, reports to PD and what clients may
// ask, put together in the order in which they need each other. Time, disks, network and PD come in
// from outside: store.cc brings RocksDB, gRPC and threads; the simulator its own.
#ifndef FLOTILLA_STORE_STORE_CORE_H_
#define FLOTILLA_STORE_STORE_CORE_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/disk/disk_reserve.h"
#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/env/fail_stop.h"
#include "common/env/file_system.h"
#include "common/env/random.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "common/multiraft/host.h"
#include "common/net/transport.h"
#include "common/pdclient/pd_client.h"
#include "common/raftlog/log_engine.h"
#include "common/rpc/in_flight.h"
#include "common/rpc/method_binder.h"
#include "store/bootstrap.h"
#include "store/consistency/service.h"
#include "store/heartbeat/instruction_handler.h"
#include "store/heartbeat/position_report.h"
#include "store/heartbeat/store_heartbeat.h"
#include "store/kv/host_replicator.h"
#include "store/kv/kv_api.h"
#include "store/kv/limited_replicator.h"
#include "store/kv/read_stage.h"
#include "store/kv/write_limiter.h"
#include "store/region/disk_room.h"
#include "store/region/region_manager.h"
#include "store/snapshot/service.h"
#include "store/snapshot_hub.h"
#include "store/split/pd_region_splitter.h"
#include "store/split/split_checker.h"

namespace flotilla::store {

struct StoreCoreOptions {
  // The store id is filled in.
  multiraft::HostConfig host;
  // Of this start, as RegisterStore returned it.
  uint64_t generation = 0;
  RegionPeerConfig peer;
  SplitLimits split;
  KvLimits kv;
  WriteLimits writes;
  rpc::InFlightLimits in_flight;
  SnapshotOptions snapshot;
  ConsistencyOptions consistency;
  env::Duration heartbeat_interval = StoreHeartbeatOptions{}.interval;
};

// All must outlive the store.
struct StoreDependencies {
  const KeyCodec* codec = nullptr;
  const env::Clock* clock = nullptr;
  env::Random random{0};
  env::Scheduler* scheduler = nullptr;
  env::FileSystem* files = nullptr;
  engine::KvEngine* engine = nullptr;
  raftlog::LogEngine* log_engine = nullptr;
  net::Transport* transport = nullptr;
  SnapshotConnector* connector = nullptr;
  pdclient::PdClient* pd = nullptr;
  metrics::Registry* metrics = nullptr;
  // Of the data directory; becomes a stage of `scheduler`.
  disk::DiskReserve* disk = nullptr;
  env::FailStop* fail_stop = nullptr;
  // May be empty.
  OnDeclaredLost on_declared_lost;
};

class StoreCore {
 public:
  // Recovers the regions that the engines hold; their stages run once the scheduler is started.
  // `used_bytes`: of the data directory, as PD is told.
  static absl::StatusOr<std::unique_ptr<StoreCore>> Open(const StoreCoreOptions& options,
                                                         const StoreIdentity& identity,
                                                         const StoreDependencies& dependencies,
                                                         std::function<uint64_t()> used_bytes);
  // REQUIRES: no stage runs any more.
  ~StoreCore();

  // What clients and other stores call.
  void Bind(rpc::MethodBinder& binder);
  // Does what PD asks for, from now on.
  void FollowPd() { on_.pd->SetHeartbeatListener(&instructions_); }

  // A Raft message from another store. Thread-safe.
  void OnEnvelope(net::Envelope envelope) { manager_.OnEnvelope(std::move(envelope)); }
  // Messages to that store were probably lost. Thread-safe.
  void ReportUnreachable(StoreId store_id) { host_->ReportUnreachable(store_id); }
  // Asks other members to lead; returns how many regions this store still leads. Thread-safe.
  size_t TransferLeadersAway() { return manager_.TransferLeadersAway(); }
  // Whoever still waits for a group hears that it is gone, while there is somebody to hear it.
  // REQUIRES: no stage runs any more.
  void StopGroups() {
    host_.reset();
    consistency_.checker().Stop();
  }

  const StoreIdentity& identity() const { return identity_; }
  RegionIndex& index() { return index_; }
  rpc::InFlight& in_flight() { return in_flight_; }
  // REQUIRES: the groups are not stopped.
  multiraft::Host& host() { return *host_; }
  RegionManager& manager() { return manager_; }
  ConsistencyChecker& checker() { return consistency_.checker(); }
  InstructionHandler& instructions() { return instructions_; }

 private:
  struct Splits {
    PdRegionSplitter splitter;
    SplitChecker checker;
  };
  // What PD is told of the store as a whole.
  struct Reports {
    StoreHeartbeat heartbeat;
    PositionReport position;
  };

  StoreCore(const StoreCoreOptions& options, const StoreIdentity& identity,
            const StoreDependencies& dependencies, std::function<uint64_t()> used_bytes);
  absl::Status OpenSnapshots(const SnapshotOptions& options);
  absl::Status Recover();

  const StoreIdentity identity_;
  const StoreDependencies on_;
  RegionIndex index_;
  DiskRoom room_;
  MemberFinder members_;
  SnapshotHub hub_;
  ConsistencyService consistency_;
  RegionManager manager_;
  std::unique_ptr<SnapshotService> snapshots_;
  std::unique_ptr<multiraft::Host> host_;
  WriteLimiter write_limiter_;
  HostReplicator replicator_;
  LimitedReplicator limited_replicator_;
  LocalReader reader_;
  rpc::InFlight in_flight_;
  ReadStage reads_;
  Splits splits_;
  Reports reports_;
  InstructionHandler instructions_;
  KvApi api_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_STORE_CORE_H_
