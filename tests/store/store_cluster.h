// Stores without network and disks: all stages of all of them in one simulated world, in-memory
// engines with a crash model, a faulty network, and a fake PD. Everything between KvApi and the
// engines is what production runs.
#ifndef FLOTILLA_TESTS_STORE_STORE_CLUSTER_H_
#define FLOTILLA_TESTS_STORE_STORE_CLUSTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/multiraft/host.h"
#include "common/raftlog/memory_log_engine.h"
#include "store/heartbeat/instruction_handler.h"
#include "store/kv/host_replicator.h"
#include "store/kv/kv_api.h"
#include "store/kv/local_reader.h"
#include "store/kv/read_stage.h"
#include "store/region/region_manager.h"
#include "store/snapshot/service.h"
#include "store/snapshot_hub.h"
#include "store/split/pd_region_splitter.h"
#include "store/split/split_checker.h"
#include "tests/store/fake_pd.h"
#include "tests/store/region_history.h"
#include "tests/store/snapshot_links.h"
#include "tests/support/fault_network.h"
#include "tests/support/nemesis.h"
#include "tests/support/raft_promises.h"
#include "tests/support/sim_world.h"
#include "tests/support/violations.h"

namespace flotilla::store {

struct StoreClusterOptions {
  uint64_t seed = 1;
  int stores = 3;
  // The first region has its voters on stores [1, voters].
  int voters = 3;
  multiraft::HostConfig host = {};
  SplitLimits split = {};
  RegionPeerConfig peer = {};
  uint64_t flush_at_bytes = 64 << 20;
  // Clocks of the stores run fast or slow by up to so much.
  uint64_t max_drift_ppm = 0;
};

// One store, as long as its process lives.
class SimStore;

class StoreCluster final : public testing::FaultTarget {
 public:
  static constexpr uint64_t kFirstRegion = 1;

  explicit StoreCluster(const StoreClusterOptions& options);
  ~StoreCluster() override;

  testing::SimWorld& world() { return world_; }
  testing::FaultNetwork& network() override { return network_; }
  FakePd& pd() { return pd_; }
  const KeyCodec& codec() const { return codec_; }
  int stores() const override { return options_.stores; }
  // What the checkers found: of votes and terms (RaftPromises) and of epochs (RegionHistory).
  testing::Violations& violations() { return violations_; }

  // Stores count from 1.
  SimStore& store(int store) { return *nodes_[static_cast<size_t>(store) - 1]->store; }
  bool IsUp(int store) const override {
    return nodes_[static_cast<size_t>(store) - 1]->store != nullptr;
  }
  engine::MemoryKvEngine& engine(int store) {
    return *nodes_[static_cast<size_t>(store) - 1]->engine;
  }
  testing::SimScheduler& process(int store) override {
    return *nodes_[static_cast<size_t>(store) - 1]->process;
  }
  raftlog::MemoryLogEngine& log_engine(int store) {
    return *nodes_[static_cast<size_t>(store) - 1]->log_engine;
  }
  // Kills the process: what was not durable is lost.
  void Crash(int store) { Kill(store, testing::CrashMoment::kBetweenSteps); }
  void Kill(int store, testing::CrashMoment moment) override;
  void Restart(int store) override;
  void FlushData(int store) override;

  // The view of the region that holds `key` on the store that leads it; null when none leads.
  RegionViewPtr LeaderOf(const std::string& key);
  RegionViewPtr WaitForLeader(const std::string& key);
  bool RunUntil(const std::function<bool()>& done, env::Duration limit = std::chrono::seconds(60)) {
    return world_.RunUntil(done, limit);
  }

  // Asks whoever leads, again and again, as a client would. Keys are without the API V2 prefix.
  bool Put(const std::string& key, const std::string& value, uint64_t ttl = 0);
  std::optional<std::string> Get(const std::string& key);
  bool Split(const std::string& key);
  // Gives PD's instruction to the leader of the region of `key`.
  void Instruct(const std::string& key, pdpb::RegionHeartbeatResponse instruction);
  // The state of the region that holds `key` on that store; null when it has none.
  RegionViewPtr ViewOn(int store, const std::string& key);

  kvrpcpb::Context ContextOf(const RegionView& view) const;
  std::string RawKey(const std::string& key) const { return std::string("r\0\0\0", 4) + key; }

 private:
  struct Node {
    env::MemoryFileSystem files;
    std::unique_ptr<engine::MemoryKvEngine> engine;
    std::unique_ptr<raftlog::MemoryLogEngine> log_engine;
    int64_t drift_ppm = 0;
    std::unique_ptr<testing::SimScheduler> process;
    std::unique_ptr<SimStore> store;
  };
  void Start(int store);
  // Calls `method` at the leader until the answer has no region error; false after some time.
  template <typename Request, typename Response>
  bool Ask(const std::string& key, Request request, Response* response,
           void (KvApi::*method)(const Request&, Response*, rpc::Done));

  const StoreClusterOptions options_;
  const KeyCodec codec_{ApiVersion::kV2};
  env::Random random_;
  testing::Violations violations_;
  testing::RaftPromises promises_{&violations_};
  RegionHistory region_history_{&violations_};
  testing::SimWorld world_;
  testing::SimScheduler network_process_;
  testing::FaultNetwork network_;
  FakePd pd_;
  SnapshotLinks links_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

class SimStore {
 public:
  struct Parts {
    StoreId id;
    engine::MemoryKvEngine* engine = nullptr;
    raftlog::MemoryLogEngine* log_engine = nullptr;
    env::MemoryFileSystem* files = nullptr;
    testing::SimScheduler* process = nullptr;
    net::Transport* transport = nullptr;
    SnapshotConnector* connector = nullptr;
    FakePd* pd = nullptr;
    const KeyCodec* codec = nullptr;
    testing::RaftPromises* promises = nullptr;
    env::Random random{0};
  };
  SimStore(const Parts& parts, const StoreClusterOptions& options);
  ~SimStore();

  KvApi& api() { return *api_; }
  RegionIndex& index() { return index_; }
  RegionManager& manager() { return *manager_; }
  multiraft::Host& host() { return *host_; }
  SnapshotService& snapshots() { return *snapshots_; }
  InstructionHandler& instructions() { return *instructions_; }
  SplitChecker& split_checker() { return *split_checker_; }

 private:
  void OpenSnapshots(const Parts& parts);
  void Recover(const Parts& parts);

  metrics::Registry metrics_;
  disk::DiskReserve reserve_;
  DiskRoom room_;
  MemberFinder members_;
  RegionIndex index_;
  SnapshotHub hub_;
  std::unique_ptr<RegionManager> manager_;
  std::unique_ptr<SnapshotService> snapshots_;
  std::unique_ptr<multiraft::Host> host_;
  std::unique_ptr<HostReplicator> replicator_;
  std::unique_ptr<LocalReader> reader_;
  std::unique_ptr<rpc::InFlight> in_flight_;
  std::unique_ptr<ReadStage> reads_;
  std::unique_ptr<PdRegionSplitter> splitter_;
  std::unique_ptr<SplitChecker> split_checker_;
  std::unique_ptr<InstructionHandler> instructions_;
  std::unique_ptr<KvApi> api_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_STORE_CLUSTER_H_
