// One run of the bare core under faults, decided by its seed alone: first chaos, with the
// invariants checked at every step; then everything heals, and the group must make progress.
#ifndef FLOTILLA_TESTS_RAFT_SIM_SIMULATION_H_
#define FLOTILLA_TESTS_RAFT_SIM_SIMULATION_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/env/random.h"
#include "tests/raft/sim/checker.h"
#include "tests/raft/sim/host.h"
#include "tests/raft/sim/options.h"

namespace flotilla::raft::sim {

struct RunResult {
  std::string violation;  // Empty: the run was right.
  uint64_t hash = 0;      // Of all that happened.
  uint64_t events = 0;
  uint64_t committed = 0;
  uint64_t elections = 0;
};

class Simulation {
 public:
  // `trace` hears every event, unless it is empty.
  Simulation(uint64_t seed, std::function<void(std::string_view)> trace);
  // With options that differ from the seed's.
  Simulation(uint64_t seed, const Options& options, std::function<void(std::string_view)> trace);

  RunResult Run();
  const Options& options() const { return options_; }

 private:
  // --- Events; those of a host are void once it has crashed ---
  struct TickDue {};
  struct DriveDue {};
  struct WriteDone {};
  struct AckDue {};
  struct ApplyDue {};
  struct SnapshotReport {
    PeerId to;
    bool succeeded;
  };
  struct Delivery {
    Message message;
  };
  struct RestartDue {};
  struct FaultDue {};
  using What = std::variant<TickDue, DriveDue, WriteDone, AckDue, ApplyDue, SnapshotReport,
                            Delivery, RestartDue, FaultDue>;
  struct Event {
    size_t host = 0;
    uint64_t incarnation = 0;
    What what;
  };

  // --- simulation.cc: time ---
  void Schedule(Time at, size_t host, What what);
  void ScheduleMine(Time at, const Host& host, What what);
  void RunUntil(Time end);
  void Dispatch(Event event);
  void Trace(std::string_view kind, size_t host, const std::string& detail);
  void Mix(uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3; }

  // --- hosting.cc: what a host does ---
  void Start(Host& host);
  void AfterStep(Host& host);
  void Drive(Host& host);
  void DriveAsync(Host& host, Ready ready);
  void DriveSync(Host& host, Ready ready);
  void FinishWrites(Host& host);
  void FinishAck(Host& host);
  void FinishApply(Host& host);
  void Apply(Host& host, const std::vector<Entry>& entries);
  void TakeOutcomes(Host& host, const Ready& ready);
  void StepSelf(Host& host, std::vector<Message> to_self, const PersistToken& token);

  // --- faults.cc: network, crashes, requests ---
  void Send(Host& host, std::vector<Message> messages);
  void Deliver(Host& host, Message message);
  bool Cut(PeerId from, PeerId to) const;
  void InjectFault();
  void Partition();
  void Deafen();
  void CrashHost(Host& host);
  void MakeRequests(Host& host);
  void ProposeConfChange(Host& host);
  void Compact(Host& host);

  // --- healing.cc: progress ---
  void Heal();
  void CheckProgress();
  void SwitchOffStrangers(const ConfState& conf);
  Host* CurrentLeader();
  bool AllCaughtUp(const Host& leader) const;

  size_t Position(const Host& host) const { return host.id.value() - 1; }

  const std::function<void(std::string_view)> trace_;
  env::Random random_;
  const Options options_;
  Checker::Hosts hosts_;
  Checker checker_;

  Time now_ = 0;
  bool healing_ = false;
  Time resting_until_ = 0;
  uint64_t sequence_ = 0;
  uint64_t events_ = 0;
  uint64_t hash_ = 0xcbf29ce484222325;
  uint64_t next_read_ = 1;
  uint64_t next_payload_ = 1;
  std::map<std::pair<Time, uint64_t>, Event> queue_;  // In order of time, then of scheduling.
  std::vector<std::pair<PeerId, PeerId>> cuts_;       // From, to.
};

}  // namespace flotilla::raft::sim

#endif  // FLOTILLA_TESTS_RAFT_SIM_SIMULATION_H_
