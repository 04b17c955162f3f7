// Clients of the cluster under chaos: what they do, what they remember of it, and whether that can
// be true.
//
// Keys come in generations: after a while, workloads with fresh keys take over, so that the history
// of a key stays short enough to be checked; in the end all of them are read again.
//
// The public calls wait for the loop; one thread at a time.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_CLIENTS_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_CLIENTS_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "client/cluster_connection.h"
#include "tests/cluster/chaos/chaos_cluster.h"
#include "tests/cluster/chaos/client_loop.h"
#include "tests/support/violations.h"
#include "tests/workload/workload.h"

namespace flotilla::chaos {

class ChaosClients {
 public:
  struct Plan {
    Names pds;
    int clients = 4;
    // Operations under way, a client.
    int slots = 4;
    uint64_t seed = 1;
    env::Duration max_pause = std::chrono::milliseconds(60);
    env::Duration generation = std::chrono::seconds(20);
  };
  explicit ChaosClients(Plan plan);
  ~ChaosClients();

  absl::Status Connect();
  void Start();
  // Begins nothing any more. False: something is still under way after `within`.
  bool Finish(std::chrono::seconds within);
  // Reads all that was ever written, once the cluster is well again, and checks all histories.
  bool ReadAndCheck(std::chrono::seconds within);

  // Faults that PD has a hand in.
  Control control();

  // A copy of what was found wrong so far, and of the counts.
  std::vector<std::string> violations();
  testing::Tallies tallies();
  // Nothing was found wrong so far; cheap.
  bool is_clean() const { return clean_.load(); }
  // Every history, a line for each operation.
  void WriteHistories(const std::string& directory);
  client::ClusterConnection& connection();

 private:
  class Session;
  struct Generation;

  void BeginGeneration();
  void Begin(size_t session, int slot);
  void OnDone(size_t session, int slot);
  testing::Workload& AnyWorkload(env::Random& random);
  uint64_t RefusedReads();
  bool AwaitIdle(std::chrono::seconds within);

  const Plan plan_;
  const env::SystemClock clock_;
  // All of it belongs to the loop's thread.
  env::Random random_;
  testing::Violations violations_;
  testing::Tallies tallies_;
  std::vector<std::unique_ptr<Generation>> generations_;
  std::unique_ptr<testing::Workload> pd_workload_;
  bool finishing_ = false;
  size_t under_way_ = 0;

  std::atomic<bool> clean_{true};
  ClientLoop loop_;
  // They go first: nothing is posted after that.
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_CHAOS_CLIENTS_H_
