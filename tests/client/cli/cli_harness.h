// The command line against the fake cluster: RunCli in this process, with strings for terminals.
#ifndef FLOTILLA_TESTS_CLIENT_CLI_CLI_HARNESS_H_
#define FLOTILLA_TESTS_CLIENT_CLI_CLI_HARNESS_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "client/admin.h"
#include "client/cli/cli.h"
#include "client/executor.h"
#include "client/raw_client_impl.h"
#include "common/env/thread_scheduler.h"
#include "tests/client/fake/fake_cluster.h"
#include "tests/client/fake/fake_rpc.h"

namespace flotilla::cli::testing {

class FakeProbe final : public client::HealthProbe {
 public:
  absl::Status Probe(const std::string& address) override {
    if (dead.contains(address)) return absl::UnavailableError("not reachable");
    return absl::OkStatus();
  }
  std::set<std::string> dead;
};

// Stores that compare replicas as they are told to.
class FakeReplicaProbe final : public client::ReplicaProbe {
 public:
  absl::StatusOr<repair::v1::CheckRegionResponse> Check(
      const std::string& address, const repair::v1::CheckRegionRequest& request,
      env::Duration timeout) override;

  // By region; others are equal on the stores 1 to 3.
  std::map<uint64_t, repair::v1::CheckRegionResponse> answers;
  // The next calls fail so.
  std::vector<absl::Status> errors;
  // "address/region" of each call.
  std::vector<std::string> calls;
};

// Everything between a session and the fake cluster, in the order of its life.
class FakeSession final : public Session {
 public:
  FakeSession(client::testing::FakeCluster* cluster, const client::ClientOptions& options,
              FakeProbe* probe, FakeReplicaProbe* replicas);

  absl::StatusOr<client::Admin*> admin() override { return &admin_; }
  absl::StatusOr<client::RawClient*> raw() override;
  absl::StatusOr<client::RegionAdmin*> regions() override;
  client::HealthProbe& probe() override { return *probe_; }
  client::ReplicaProbe& replicas() override { return *replicas_; }

 private:
  absl::Status CheckKeyspace();

  const client::ClientOptions options_;
  FakeProbe* const probe_;
  FakeReplicaProbe* const replicas_;
  env::SystemClock clock_;
  client::testing::FakePdClient pd_;
  client::testing::FakeConnector connector_;
  metrics::Registry registry_;
  client::ClientMetrics metrics_;
  client::Executor executor_;
  env::ThreadScheduler scheduler_;
  client::RegionCache cache_;
  client::BackoffJitter jitter_;
  client::Locator locator_;
  client::Core core_;
  client::RawClientImpl raw_;
  client::Admin admin_;
  client::RegionAdmin regions_;
};

// Processes that are only told of.
class FakeProcesses final : public ProcessControl {
 public:
  absl::StatusOr<int> Spawn(const std::vector<std::string>& arguments,
                            const std::string& log_file) override;
  bool IsAlive(int pid) override { return running.contains(pid); }
  void Signal(int pid, int signal_number) override;
  std::vector<RunningProcess> FindByProgram(const std::string& base_name) override;
  bool IsPortFree(int port) override { return !taken_ports.contains(port); }
  absl::StatusOr<std::string> FindProgram(const std::string& base_name) override;
  bool Pause(env::Duration wait) override;
  void CatchInterrupts() override { catches = true; }

  int next_pid = 100;
  std::map<int, std::vector<std::string>> running;
  std::vector<std::pair<int, int>> signals;  // pid, signal
  std::set<int> stubborn;                    // These do not hear SIGTERM.
  std::set<int> taken_ports;
  std::string dies_at_start;  // A process whose command has this word ends at once.
  std::set<std::string> missing_programs;
  env::ManualClock* clock = nullptr;
  int interrupt_after_pauses = -1;
  bool catches = false;
};

struct CliResult {
  ExitCode code;
  std::string out;
  std::string err;
};

class CliHarness {
 public:
  explicit CliHarness(client::KeyCodec codec = client::KeyCodec::V2(KeyspaceId(7)));

  // The words of the command line; `input` is standard input.
  CliResult Run(const std::vector<std::string>& arguments, const std::string& input = "");
  // --json is added; the answer parsed.
  Json RunJson(std::vector<std::string> arguments, ExitCode expected = ExitCode::kOk,
               const std::string& input = "");

  client::testing::FakeCluster& cluster() { return cluster_; }
  FakeProbe& probe() { return probe_; }
  FakeReplicaProbe& replicas() { return replicas_; }
  FakeProcesses& processes() { return processes_; }
  env::ManualClock& clock() { return clock_; }
  std::map<std::string, std::string>& variables() { return variables_; }
  const client::ClientOptions& last_options() const { return last_options_; }

 private:
  client::testing::FakeCluster cluster_;
  FakeProbe probe_;
  FakeReplicaProbe replicas_;
  env::ManualClock clock_;
  FakeProcesses processes_;
  std::map<std::string, std::string> variables_;
  client::ClientOptions last_options_;
};

}  // namespace flotilla::cli::testing

#endif  // FLOTILLA_TESTS_CLIENT_CLI_CLI_HARNESS_H_
