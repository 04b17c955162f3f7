// PD members and stores as machines of their own, and what may be done to them by name.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_CLUSTER_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_CLUSTER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/env/clock.h"
#include "tests/cluster/chaos/chaos_node.h"
#include "tests/support/violations.h"

namespace flotilla::chaos {

// What is asked of PD, without waiting for it. The number says which key or region.
struct Control {
  std::function<void(uint64_t)> split;
  std::function<void(uint64_t)> move_leader;
};

// Names: pd-1, ..., store-1, ...; "clients" where who sends is meant.
using Names = std::vector<std::string>;

class ChaosCluster {
 public:
  struct Plan {
    int pds = 3;
    int stores = 5;
    // Everything below it: made by the cluster, left behind.
    std::string directory;
    std::string programs;
    uint64_t seed = 1;
  };
  // `violations` must outlive it.
  ChaosCluster(Plan plan, testing::Violations* violations);

  // Makes the machines, which needs LeaveSharedNamespaces, starts all and waits until the cluster
  // is healthy.
  absl::Status Start();
  bool AwaitHealthy(std::chrono::seconds within);
  // What `flotilla status` says.
  std::string StatusText() const;
  // SIGTERM to all, stores first: each must end well.
  void Stop();

  ChaosNode& node(const std::string& name) { return *nodes_.at(name); }
  Names names() const;
  Names pd_endpoints() const;
  const Plan& plan() const { return plan_; }

  // Takes a node down and keeps it down until it is let up as often.
  void HoldDown(ChaosNode& node) { ++node.held_down; }
  void LetUp(ChaosNode& node) { --node.held_down; }
  // While its disk fails, a process may stop itself; it is started when the disk is well.
  void BeginDiskFault(ChaosNode& node) { ++node.may_stop_itself; }
  void EndDiskFault(ChaosNode& node);
  // Where packets from `from` to `to` are lost.
  absl::Status Cut(const std::string& from, const std::string& to);
  absl::Status Heal(const std::string& from, const std::string& to);

  // Call often. Starts what should run and does not, and notices who ended though nobody told it
  // to.
  void Tend();
  // Calls `work` each time the cluster is tended, until it is dropped.
  void OnTend(const std::string& name, std::function<void()> work) { tended_[name] = work; }
  void DropOnTend(const std::string& name) { tended_.erase(name); }

  void SetControl(Control control) { control_ = std::move(control); }
  const Control& control() const { return control_; }

  uint64_t starts() const { return starts_; }
  uint64_t stopped_themselves() const { return stopped_themselves_; }

 private:
  absl::Status StartNode(ChaosNode& node);
  void OnEnd(ChaosNode& node, const std::string& how, bool well);
  std::string AddressOf(const std::string& name);

  const Plan plan_;
  const env::SystemClock clock_;
  testing::Violations* const violations_;
  std::map<std::string, std::unique_ptr<ChaosNode>> nodes_;
  std::map<std::string, std::function<void()>> tended_;
  Control control_;
  uint64_t starts_ = 0;
  uint64_t stopped_themselves_ = 0;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_CLUSTER_H_
