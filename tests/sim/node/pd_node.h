// A simulated PD member: everything of production's but threads, disks and the network.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_NODE_PD_NODE_H_
#define FLOTILLA_TESTS_SIM_NODE_PD_NODE_H_

#include <memory>
#include <string>
#include <vector>

#include "common/env/random.h"
#include "pd/meta/replica.h"
#include "pd/service/pd_service.h"
#include "tests/sim/node/disk.h"
#include "tests/sim/node/process.h"
#include "tests/support/fault_network.h"

namespace flotilla::sim {

struct PdNodeOptions {
  pd::ReplicaOptions replica;
  DiskOptions disk;
};

class PdNode {
 public:
  struct Place {
    testing::SimWorld* world = nullptr;
    Fabric* fabric = nullptr;
    testing::FaultNetwork* network = nullptr;
  };

  // `members` are all of PD's; this is `members[number]`. What `place` names must outlive the node.
  PdNode(const Place& place, const PdNodeOptions& options, std::vector<pd::Member> members,
         size_t number, const ClockError& clock);
  ~PdNode();

  const std::string& host() const { return members_.self().address; }
  StoreId raft_id() const { return StoreId(members_.self().id.value()); }
  bool IsUp() const { return running_ != nullptr; }
  // REQUIRES: it is down.
  void Start(env::Random random);
  // Kills the process: what was not durable is lost. REQUIRES: it is up.
  void Kill();
  // The wall clock jumps, and stays so over restarts.
  void SetWallSkew(int64_t ms);

  // REQUIRES: it is up.
  testing::SimScheduler& scheduler();
  pd::Replica& replica();
  // Why it has stopped itself, and waits to be killed; OK: it has not. REQUIRES: it is up.
  const absl::Status& death() const;
  Disk& disk() { return *disk_; }
  // It takes part in Raft. REQUIRES: it is up.
  bool HasJoined() const;
  // It has another disk from now on; returns the one that it had. REQUIRES: it is down.
  std::unique_ptr<Disk> ExchangeDisk(std::unique_ptr<Disk> disk);
  // Null: it does not lead, or is down.
  std::shared_ptr<pd::LeaderState> Leading();

 private:
  struct Running;

  void StartFounding(env::Random random);

  const Place place_;
  const PdNodeOptions options_;
  const pd::MemberList members_;
  ClockError clock_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Running> running_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_PD_NODE_H_
