// A cluster of real processes for a test: started, hurt and stopped through the `flotilla` command
// and signals, as an operator would.
#ifndef FLOTILLA_TESTS_CLUSTER_PROCESS_CLUSTER_H_
#define FLOTILLA_TESTS_CLUSTER_PROCESS_CLUSTER_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/json.h"
#include "client/cli/posix_processes.h"
#include "flotilla/client/raw_client.h"
#include "tests/cluster/await.h"
#include "tests/cluster/shell.h"

namespace flotilla::cluster_test {

// Not thread-safe.
class ProcessCluster {
 public:
  // Chooses a directory and ports that are free. Nothing is started yet.
  explicit ProcessCluster(const std::string& name);
  // Kills what is left; keeps the directory when the test failed.
  ~ProcessCluster();
  ProcessCluster(const ProcessCluster&) = delete;
  ProcessCluster& operator=(const ProcessCluster&) = delete;

  // `flotilla up --detach` with these further arguments; again, it starts what is not running.
  CommandResult Up(const std::vector<std::string>& arguments = {});
  CommandResult Down();
  // `flotilla` with --pd of this cluster.
  CommandResult Run(const std::vector<std::string>& arguments, const std::string& input_file = "");
  // With --json too; the parsed answer, null when there is none.
  cli::Json RunJson(const std::vector<std::string>& arguments);

  // Names as in cluster.json: pd-1, store-2.
  void Signal(const std::string& name, int signal_number);
  // kill -9, and a wait until the process is gone.
  void Kill(const std::string& name);
  // 0 when it is not known.
  int PidOf(const std::string& name);
  bool IsRunning(const std::string& name);
  // The member that leads PD, by its own word.
  std::string PdLeader();
  // The process that listens at `address`.
  std::string NameOf(const std::string& address);
  // The store that leads the region of `key`.
  std::string StoreLeading(const std::string& key);

  // Waits until `flotilla status` finds nothing wrong.
  bool AwaitHealthy(std::chrono::seconds within);
  std::unique_ptr<client::RawClient> Connect(client::ClientOptions options = {});

  const std::string& directory() const { return directory_; }
  const std::string& pd_address() const { return pd_address_; }
  std::string all_pd_addresses() const;

 private:
  cli::Json ClusterFile() const;

  const std::string directory_;
  cli::PosixProcesses processes_;
  int port_base_ = 0;
  std::string pd_address_;
};

// Runs one of the project's programs, which must end by itself within half a minute.
CommandResult RunProgram(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace flotilla::cluster_test

#endif  // FLOTILLA_TESTS_CLUSTER_PROCESS_CLUSTER_H_
