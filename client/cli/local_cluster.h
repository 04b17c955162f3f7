// A cluster of processes on this machine that live in one directory, as `flotilla up` makes it.
//
//   DIR/cluster.json       what it consists of; written before anything is started
//   DIR/pd-1, DIR/store-1  a data directory for each process
//   DIR/logs/pd-1.log      and what it prints
//
// Ports from the base P: PD member i listens on P + i - 1; store i on P + 100 + i, and serves its
// status page on P + 200 + i; a PD member serves its HTTP API where it serves all else.
#ifndef FLOTILLA_CLIENT_CLI_LOCAL_CLUSTER_H_
#define FLOTILLA_CLIENT_CLI_LOCAL_CLUSTER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/json.h"
#include "client/cli/process_control.h"

namespace flotilla::cli {

struct LocalProcess {
  enum class Kind { kPd, kStore };

  Kind kind = Kind::kPd;
  std::string name;     // pd-1, store-1
  int port = 0;         // Clients and other members.
  int status_port = 0;  // HTTP.
  std::string data;     // Its directory.
  std::string log;      // The file of its output.
  int pid = 0;          // 0: not running.
  std::string program() const { return kind == Kind::kPd ? "flotilla-pd" : "flotilla-store"; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port); }
};

class LocalCluster {
 public:
  struct Plan {
    std::string directory;  // Absolute.
    int stores = 3;
    int pds = 3;
    int port_base = 2379;
    int api_version = 2;
    // Handed to every process of the kind, before nothing else.
    std::vector<std::string> pd_flags;
    std::vector<std::string> store_flags;
  };

  static LocalCluster Make(const Plan& plan);
  // NotFound when the directory holds no cluster, DataLoss when cluster.json makes no sense.
  static absl::StatusOr<LocalCluster> Load(const std::string& directory);
  // Makes the directories, and writes cluster.json such that a crash leaves the old or the new one.
  absl::Status Save() const;

  const Plan& plan() const { return plan_; }
  std::vector<LocalProcess>& processes() { return processes_; }
  const std::vector<LocalProcess>& processes() const { return processes_; }
  // Of the first PD member, for clients.
  std::string pd_address() const { return processes_.front().address(); }
  std::vector<std::string> pd_addresses() const;

  // The command line of one process.
  std::vector<std::string> CommandOf(const LocalProcess& process, const std::string& program) const;
  // Fills in the pids of what is running, by what the machine's processes were started with: a
  // process that was restarted by hand is found, a pid that is somebody else's by now is not.
  void FindRunning(ProcessControl& control);

 private:
  LocalCluster() = default;
  Json ToJson() const;

  Plan plan_;
  std::vector<LocalProcess> processes_;
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_LOCAL_CLUSTER_H_
