// The invariants of Raft (thesis figure 3.2 and more), checked at every step of a simulated run.
//
// A violation is remembered, the first one only; the run stops then.
#ifndef FLOTILLA_TESTS_RAFT_SIM_CHECKER_H_
#define FLOTILLA_TESTS_RAFT_SIM_CHECKER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/raft/sim/host.h"

namespace flotilla::raft::sim {

class Checker {
 public:
  using Hosts = std::deque<std::unique_ptr<Host>>;
  // `hosts` and `lease`, the time for which an answered round of heartbeats is a lease (0: leases
  // are not checked), as of the run. `base` is where all logs begin.
  Checker(const Hosts* hosts, Time lease, EntryId base);

  const std::string& violation() const { return violation_; }
  // The newest index that anybody knew to be committed.
  Index committed() const { return base_.index + committed_.size(); }
  uint64_t elections() const { return leaders_.size(); }
  void Fail(const std::string& what) {
    if (violation_.empty()) violation_ = what;
  }

  // Anything was stepped into the node.
  void OnStepped(Host& host, Time now);
  // The node's log changed: `append` is handed out to be written.
  void OnHandedOut(const Host& host, const LogAppend& append);
  // The node's answer leaves.
  void OnPromise(const Host& host, const Message& message);
  void OnApply(const Host& host, const Entry& entry, uint64_t hash);
  void OnSnapshot(const Host& host, const AppState& state);
  void OnRead(Host& host, const ReadState& read);
  // The node starts again with what was durable.
  void OnRestart(const Host& host);

 private:
  struct Logged {
    Term term;
    Term previous;
    uint64_t payload;
  };
  struct Promises {
    Term term;
    std::map<Term, PeerId> votes;
  };

  void Violate(const Host& host, const std::string& what);
  void CheckLeader(Host& host, Time now);
  void CheckCompleteness(const Host& host);
  void CheckCommit(Host& host);
  void CheckDurable(const Host& leader, EntryId entry);
  bool HoldsDurably(PeerId peer, EntryId entry) const;
  void UpdateLease(Host& host, Time now);

  const Hosts* hosts_;
  const Time lease_;
  const EntryId base_;
  std::string violation_;
  std::map<Term, std::pair<PeerId, uint64_t>> leaders_;  // And their incarnation.
  std::vector<std::vector<Logged>> logged_;              // By index.
  std::vector<Term> committed_;                          // From base + 1 on.
  std::map<Index, uint64_t> state_hashes_;
  std::map<PeerId, Promises> promises_;
};

}  // namespace flotilla::raft::sim

#endif  // FLOTILLA_TESTS_RAFT_SIM_CHECKER_H_
