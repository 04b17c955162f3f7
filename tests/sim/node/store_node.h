// A simulated store: everything of production's but threads, disks and the network.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_NODE_STORE_NODE_H_
#define FLOTILLA_TESTS_SIM_NODE_STORE_NODE_H_

#include <memory>
#include <string>
#include <vector>

#include "common/env/random.h"
#include "common/pdclient/pd_client.h"
#include "store/store_core.h"
#include "tests/sim/check/raft_log_history.h"
#include "tests/sim/node/disk.h"
#include "tests/sim/node/process.h"
#include "tests/support/fault_network.h"
#include "tests/support/nemesis.h"
#include "tests/support/raft_promises.h"

namespace flotilla::sim {

struct StoreNodeOptions {
  store::StoreCoreOptions core;
  DiskOptions disk;
  uint64_t reserve_bytes = 1000;
  std::vector<std::string> pd;
};

class StoreNode {
 public:
  struct Place {
    testing::SimWorld* world = nullptr;
    Fabric* fabric = nullptr;
    testing::FaultNetwork* network = nullptr;
    testing::RaftPromises* promises = nullptr;
    RaftLogHistory* logs = nullptr;
  };

  // What `place` names must outlive the node.
  StoreNode(const Place& place, const StoreNodeOptions& options, std::string name,
            const ClockError& clock);
  ~StoreNode();

  // Another one after each Wipe.
  const std::string& host() const { return host_; }
  // 0 until it was started for the first time.
  StoreId id() const { return id_; }
  bool IsUp() const { return running_ != nullptr; }
  // It is up, and its start is over.
  bool IsServing() const;
  // Starts as the program does; the world goes on meanwhile. Not OK when PD does not answer, or
  // refuses: the process is gone again. REQUIRES: it is down, and this is outside of all stages.
  absl::Status Start(env::Random random);
  // Kills the process: what was not durable is lost. REQUIRES: it is up.
  void Kill(testing::CrashMoment moment);
  // All that it had is gone for good: an empty machine takes its place, at another address, and
  // will be a new store. REQUIRES: it is down.
  void Wipe();
  // A bit flips on its disk; returns where, or nothing. What is there counts as lost from now on.
  std::string Damage(env::Random& random);
  bool IsDamaged() const { return is_damaged_; }
  // It has another disk from now on; returns the one that it had. REQUIRES: it is down.
  std::unique_ptr<Disk> ExchangeDisk(std::unique_ptr<Disk> disk);
  void SetWallSkew(int64_t ms);
  Disk& disk() { return *disk_; }
  const Disk& disk() const { return *disk_; }
  // How often it was started with success.
  int starts() const { return starts_; }

  // REQUIRES: it is up.
  testing::SimScheduler& scheduler();
  // Why it has stopped itself, and waits to be killed; OK: it has not. REQUIRES: it is up.
  const absl::Status& death() const;
  // REQUIRES: it is up.
  const metrics::Registry& metrics() const;
  // REQUIRES: it is serving.
  store::StoreCore& core();

 private:
  struct Running;

  absl::Status Open(Running& running, env::Random random);
  // What the peers hold is held against what they promised.
  void CheckPromises();

  const Place place_;
  const StoreNodeOptions options_;
  // The place, whoever is there: store3.
  const std::string name_;
  int generation_ = 1;
  std::string host_;
  const store::KeyCodec codec_{store::ApiVersion::kV2};
  ClockError clock_;
  StoreId id_;
  bool is_damaged_ = false;
  std::unique_ptr<Disk> disk_;
  int starts_ = 0;
  std::unique_ptr<Running> running_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_STORE_NODE_H_
