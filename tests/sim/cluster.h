// A whole cluster in one simulated world: PD's members, stores and clients, each with the real code
// above its interfaces, on two networks that can be cut together.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_CLUSTER_H_
#define FLOTILLA_TESTS_SIM_CLUSTER_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/check/raft_log_history.h"
#include "tests/sim/node/client_node.h"
#include "tests/sim/node/pd_node.h"
#include "tests/sim/node/store_node.h"
#include "tests/sim/plan.h"
#include "tests/store/region_history.h"
#include "tests/support/violations.h"

namespace flotilla::sim {

class Cluster {
 public:
  explicit Cluster(const Plan& plan);
  ~Cluster();

  // All members, stores and clients, with nothing going wrong.
  absl::Status Start();
  // From here on what the plan says of networks goes wrong.
  void BeginFaults();
  // Everything runs, everybody reaches everybody, and nothing is lost any more. Not OK: a process
  // does not start.
  absl::Status HealAll();

  const Plan& plan() const { return plan_; }
  testing::SimWorld& world() { return world_; }
  Fabric& fabric() { return fabric_; }
  testing::Violations& violations() { return violations_; }
  RaftLogHistory& logs() { return logs_; }
  std::vector<std::unique_ptr<PdNode>>& pd() { return pd_; }
  std::vector<std::unique_ptr<StoreNode>>& stores() { return stores_; }
  std::vector<std::unique_ptr<ClientNode>>& clients() { return clients_; }
  // Null: no member leads.
  PdNode* PdLeader();
  // Null: none of that id is up.
  StoreNode* StoreOf(StoreId id);
  // The views of regions on stores that say that they lead them, in key order; of two for one start
  // that of the newer epoch.
  std::vector<store::RegionViewPtr> Led();

  // --- Faults -----------------------------------------------------------------------------------
  void StartPd(PdNode& node) { node.Start(NextRandom()); }
  absl::Status StartStore(StoreNode& node) { return node.Start(NextRandom()); }
  // Takes away the processes that have stopped themselves.
  void BuryTheDead();
  // Messages of any kind from one host to the other.
  void Cut(const std::string& from, const std::string& to);
  void Isolate(const std::string& host);
  void HealLinks();

  // Something happened, for people who look for a cause: kept for the last while, with its time.
  void Note(std::string what);
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  env::Random NextRandom() { return env::Random(random_.Next()); }
  // Under which Raft messages know it; 0: it takes part in none, or has no id yet.
  StoreId RaftIdOf(const std::string& host) const;
  ClockError DrawClock();

  const Plan plan_;
  env::Random random_;
  testing::Violations violations_;
  testing::RaftPromises promises_{&violations_};
  store::RegionHistory regions_{&violations_};
  testing::SimWorld world_;
  RaftLogHistory logs_{&world_.clock(), &violations_};
  testing::SimScheduler network_process_;
  testing::FaultNetwork network_;
  Fabric fabric_;
  std::vector<std::unique_ptr<PdNode>> pd_;
  std::vector<std::unique_ptr<StoreNode>> stores_;
  std::vector<std::unique_ptr<ClientNode>> clients_;
  std::vector<std::string> notes_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_CLUSTER_H_
