// A cluster of KvStores in one SimWorld: in-memory engines with a crash model, a faulty network,
// and a history that checks what happens.
#ifndef FLOTILLA_TESTS_SUPPORT_SIM_CLUSTER_H_
#define FLOTILLA_TESTS_SUPPORT_SIM_CLUSTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/raftlog/memory_log_engine.h"
#include "tests/support/fault_network.h"
#include "tests/support/kv_history.h"
#include "tests/support/kv_store.h"
#include "tests/support/nemesis.h"
#include "tests/support/raft_promises.h"
#include "tests/support/sim_world.h"

namespace flotilla::testing {

struct SimClusterOptions {
  uint64_t seed = 1;
  int stores = 3;
  int regions = 1;
  // Stores [1, voters] are the first voters of each region.
  int voters = 3;
  multiraft::HostConfig host = {};
  // Clocks of the stores run fast or slow by up to so much.
  int64_t max_drift_ppm = 0;
  uint64_t flush_at_bytes = 64 << 20;
  // After so many bytes the log engine asks for truncation.
  uint64_t log_flush_at_bytes = 48 << 20;
};

class SimCluster final : public FaultTarget {
 public:
  explicit SimCluster(const SimClusterOptions& options);
  ~SimCluster() override;

  SimWorld& world() { return world_; }
  FaultNetwork& network() override { return network_; }
  KvHistory& history() { return history_; }
  env::Random& random() { return random_; }
  int stores() const override { return options_.stores; }
  int regions() const { return options_.regions; }
  const SimClusterOptions& options() const { return options_; }

  // Stores and regions count from 1.
  bool IsUp(int store) const override { return nodes_[store - 1]->store != nullptr; }
  KvStore& store(int store) { return *nodes_[store - 1]->store; }
  SimScheduler& process(int store) override { return *nodes_[store - 1]->process; }
  engine::MemoryKvEngine& kv_engine(int store) { return *nodes_[store - 1]->kv_engine; }
  raftlog::MemoryLogEngine& log_engine(int store) { return *nodes_[store - 1]->log_engine; }

  // Kills the process: what was not durable is lost.
  void Crash(int store) { Kill(store, CrashMoment::kBetweenSteps); }
  void Kill(int store, CrashMoment moment) override;
  // REQUIRES: !IsUp(store). What the store holds then is held against the history.
  void Restart(int store) override;
  void FlushData(int store) override;
  // What every peer on the store holds is held against the history.
  void CheckReplicas(int store);

  // The store whose peer leads the region and is ready; 0: none. Of several the one of the newest
  // term cannot be told, so call it in peace.
  int LeaderOf(int region);
  // 0 after `limit`.
  int WaitForLeader(int region, env::Duration limit = std::chrono::seconds(30));

  // Proposes at `store` and waits for the outcome; DeadlineExceeded when there is none in `limit`.
  absl::StatusOr<multiraft::Applied> Propose(int store, int region, const KvCommand& command,
                                             env::Duration limit = std::chrono::seconds(30));
  absl::StatusOr<multiraft::Applied> ProposeConfChange(
      int store, int region, const raft::ConfChange& change,
      env::Duration limit = std::chrono::seconds(30));
  // Puts a key of the region, at whoever leads, until it is acknowledged. False after `limit`.
  bool Put(int region, const std::string& key, const std::string& value,
           env::Duration limit = std::chrono::seconds(30));
  absl::Status Read(int store, int region, env::Duration limit = std::chrono::seconds(30));
  absl::StatusOr<multiraft::GroupStatus> Inspect(int store, int region);
  // The region's peers as text, one line each.
  std::string Describe(int region);
  // All peers that are up, members or not, have applied the same; false after `limit`.
  bool WaitForEqualApplied(int region, env::Duration limit = std::chrono::seconds(60));

 private:
  struct Node {
    env::MemoryFileSystem files;
    std::unique_ptr<engine::MemoryKvEngine> kv_engine;
    std::unique_ptr<raftlog::MemoryLogEngine> log_engine;
    int64_t drift_ppm = 0;
    std::unique_ptr<SimScheduler> process;
    std::unique_ptr<KvStore> store;
  };
  void Start(int store);
  absl::StatusOr<multiraft::Applied> Finish(int store, int region, multiraft::Proposal proposal,
                                            env::Duration limit);

  const SimClusterOptions options_;
  env::Random random_;
  SimWorld world_;
  SimScheduler network_process_;
  FaultNetwork network_;
  KvHistory history_;
  RaftPromises promises_{history_.sink()};
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_SIM_CLUSTER_H_
