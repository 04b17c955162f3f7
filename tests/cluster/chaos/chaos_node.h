// One machine of the cluster under chaos: a network, a disk, a clock, a proxy in front of its port,
// and the one process that runs there.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_NODE_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_NODE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/cluster/chaos/clock_file.h"
#include "tests/cluster/chaos/disk.h"
#include "tests/cluster/chaos/link_proxy.h"
#include "tests/cluster/chaos/wire.h"

namespace flotilla::chaos {

class ChaosNode {
 public:
  struct Plan {
    std::string name;
    int number = 0;  // From 1, of all nodes.
    bool is_pd = false;
    std::string directory;
    // Where the programs and the clock's shim are.
    std::string programs;
    uint64_t seed = 0;
  };
  explicit ChaosNode(Plan plan);
  // Kills the process.
  ~ChaosNode();
  ChaosNode(const ChaosNode&) = delete;
  ChaosNode& operator=(const ChaosNode&) = delete;

  // Network, disk, clock and proxy. Once, before anything else.
  absl::Status SetUp();

  // Starts the program with these arguments besides those of its place.
  absl::Status Start(const std::vector<std::string>& arguments);
  // The process runs, as far as is known; it may be paused.
  bool is_running() const { return pid_ != 0; }
  void Signal(int signal_number);
  // Looks whether the process has ended, and how: in words, empty when it goes on or there is none.
  std::string Reap(bool* ended_well);
  // kill -9, and a wait until it is gone.
  void Kill();
  // What a loss of power leaves is on the disk. REQUIRES: !is_running().
  absl::StatusOr<std::string> LosePower(uint64_t seed);

  const std::string& name() const { return plan_.name; }
  bool is_pd() const { return plan_.is_pd; }
  int port() const { return plan_.is_pd ? 2379 : 20160; }
  std::string endpoint() const;
  const std::string& address() const { return wire_.address(); }
  std::string log_file() const { return plan_.directory + "/process.log"; }
  Wire& wire() { return wire_; }
  Disk& disk() { return disk_; }
  LinkProxy& proxy() { return proxy_; }
  const ClockFile& clock() const { return clock_; }

  // Faults that want it down: it is started when none is left.
  int held_down = 0;
  // It was told to stop, and has not yet.
  bool terminating = false;
  // It ended though nobody told it to, and is left as it is.
  bool failed = false;
  // Faults of the disk under which it may stop itself.
  int may_stop_itself = 0;
  // And until then, for what such a fault began before it was over.
  env::Instant may_stop_until{};

 private:
  const Plan plan_;
  Wire wire_;
  Disk disk_;
  const ClockFile clock_;
  LinkProxy proxy_;
  int pid_ = 0;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_NODE_H_
