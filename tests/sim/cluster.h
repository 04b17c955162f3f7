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
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/check/raft_log_history.h"
#include "tests/sim/fault/atlas.h"
#include "tests/sim/node/client_node.h"
#include "tests/sim/node/pd_node.h"
#include "tests/sim/node/store_node.h"
#include "tests/sim/plan.h"
#include "tests/sim/trace.h"
#include "tests/store/region_history.h"
#include "tests/support/violations.h"

namespace flotilla::sim {

class Cluster {
 public:
  explicit Cluster(const Plan& plan, const TraceFilter& trace = {});
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
  absl::Status StartStore(StoreNode& node);
  // Takes away the processes that have stopped themselves.
  void BuryTheDead();
  // Messages of any kind from one host to the other.
  void Cut(const std::string& from, const std::string& to);
  void Isolate(const std::string& host);
  void HealLinks();
  // The one hears the other again.
  void Heal(const std::string& from, const std::string& to);
  FaultAtlas& atlas() { return atlas_; }
  // How many processes refused to go on because of damage that was made.
  uint64_t damage_found() const { return damage_found_; }
  // All that the store has is gone for good; its process is killed. REQUIRES: the atlas allows it,
  // or it is damaged.
  void Wipe(StoreNode& node);
  // Lets time pass in the midst of a fault, with all that is checked meanwhile.
  void RunFor(env::Duration time) { runner_(time); }
  void SetRunner(std::function<void(env::Duration)> runner) { runner_ = std::move(runner); }

  // Something happened, for people who look for a cause: kept, with its time, up to a bound.
  void Note(std::string what);
  const std::vector<std::string>& notes() const { return notes_; }
  // Hears of what is noted as it happens.
  void SetListener(std::function<void(const std::string&)> listener) {
    listener_ = std::move(listener);
  }

 private:
  env::Random NextRandom() { return env::Random(random_.Next()); }
  // Under which Raft messages know it; 0: it takes part in none, or has no id yet.
  StoreId RaftIdOf(const std::string& host) const;
  ClockError DrawClock();
  void SetTaps();
  // The process is gone, and why: a disk that is damaged is replaced.
  void OnDeath(StoreNode& node, const absl::Status& why);

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
  std::function<void(const std::string&)> listener_;
  const Trace trace_;
  std::function<void(env::Duration)> runner_ = [this](env::Duration time) { world_.RunFor(time); };
  FaultAtlas atlas_;
  uint64_t damage_found_ = 0;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_CLUSTER_H_
