// The `flotilla` program: the terminal, the clock and the network given to RunCli.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/cli.h"
#include "client/cli/posix_processes.h"
#include "client/cluster_connection.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/env/clock.h"
#include "common/rpc/process.h"

namespace flotilla::cli {
namespace {

// A session over the network. Its threads start when it is first used.
class NetworkSession final : public Session {
 public:
  explicit NetworkSession(client::ClientOptions options) : options_(std::move(options)) {}

  absl::StatusOr<client::Admin*> admin() override {
    RETURN_IF_ERROR(connection().ReachPd());
    return &connection().admin();
  }
  absl::StatusOr<client::RawClient*> raw() override {
    RETURN_IF_ERROR(connection().OpenKeyspace());
    return &connection().raw();
  }
  absl::StatusOr<client::RegionAdmin*> regions() override {
    RETURN_IF_ERROR(connection().OpenKeyspace());
    return &connection().regions();
  }
  client::HealthProbe& probe() override { return connection().probe(); }
  client::ReplicaProbe& replicas() override { return connection().replicas(); }

 private:
  client::ClusterConnection& connection() {
    if (connection_ == nullptr) {
      connection_ = std::make_unique<client::ClusterConnection>(options_);
    }
    return *connection_;
  }

  const client::ClientOptions options_;
  std::unique_ptr<client::ClusterConnection> connection_;
};

int Main(int argc, char** argv) {
  base::LogOptions log;
  log.level = "error";
  base::InitLogging(log).IgnoreError();
  rpc::SetUpProcess();
  std::ios::sync_with_stdio(false);
  const env::SystemClock clock;
  PosixProcesses processes;
  const CliEnvironment environment{
      {std::cin, std::cout, std::cerr, isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1},
      clock,
      [](const client::ClientOptions& options) {
        return std::make_unique<NetworkSession>(options);
      },
      processes,
      [](const std::string& name) -> std::optional<std::string> {
        const char* const value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
      }};
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return static_cast<int>(RunCli(arguments, environment));
}

}  // namespace
}  // namespace flotilla::cli

int main(int argc, char** argv) { return flotilla::cli::Main(argc, argv); }
