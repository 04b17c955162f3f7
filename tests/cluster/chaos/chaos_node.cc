#include "tests/cluster/chaos/chaos_node.h"

#include <signal.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>

#include <filesystem>
#include <utility>

#include "client/cli/posix_processes.h"
#include "common/base/status_macros.h"

namespace flotilla::chaos {
namespace {

constexpr int kStatusPort = 20180;

// Between stores only: nothing else on the wire has a checksum of its own, and no TLS.
bool IsNode(const std::string& address) { return address != kClients; }

}  // namespace

ChaosNode::ChaosNode(Plan plan)
    : plan_(std::move(plan)),
      wire_(plan_.number),
      disk_(plan_.directory),
      clock_(plan_.directory + "/clock"),
      proxy_(wire_.address(), port(), plan_.seed, IsNode) {}

ChaosNode::~ChaosNode() { Kill(); }

std::string ChaosNode::endpoint() const { return fmt::format("{}:{}", wire_.address(), port()); }

absl::Status ChaosNode::SetUp() {
  std::filesystem::create_directories(plan_.directory);
  RETURN_IF_ERROR(wire_.Plug(port(), port() + 1));
  RETURN_IF_ERROR(proxy_.Start(wire_.room(), port() + 1));
  RETURN_IF_ERROR(clock_.Set({}));
  return disk_.Insert(plan_.programs + "/flotilla-powerloss-fs");
}

absl::Status ChaosNode::Start(const std::vector<std::string>& arguments) {
  std::vector<std::string> line = {"/usr/bin/setpriv",
                                   "--pdeathsig",
                                   "KILL",
                                   "/usr/bin/env",
                                   "LD_PRELOAD=" + plan_.programs + "/libflotilla-clock-shim.so",
                                   "FLOTILLA_CLOCK_FILE=" + clock_.path(),
                                   plan_.programs + (is_pd() ? "/flotilla-pd" : "/flotilla-store"),
                                   "--data-dir",
                                   disk_.path() + "/data",
                                   "--listen",
                                   endpoint(),
                                   "--status-address",
                                   fmt::format("{}:{}", wire_.address(), kStatusPort)};
  line.insert(line.end(), arguments.begin(), arguments.end());
  absl::StatusOr<int> pid = absl::UnknownError("not started");
  // A process that is started in the room belongs to its network.
  wire_.room().Run([&] { pid = cli::PosixProcesses().Spawn(line, log_file()); });
  RETURN_IF_ERROR(pid.status());
  pid_ = *pid;
  return absl::OkStatus();
}

void ChaosNode::Signal(int signal_number) {
  if (pid_ != 0) kill(pid_, signal_number);
}

std::string ChaosNode::Reap(bool* ended_well) {
  int status = 0;
  if (pid_ == 0 || waitpid(pid_, &status, WNOHANG) != pid_) return "";
  pid_ = 0;
  *ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

void ChaosNode::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  // The dead wait for their disk.
  disk_.Tell("sync-delay 0").IgnoreError();
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
  terminating = false;
}

absl::StatusOr<std::string> ChaosNode::LosePower(uint64_t seed) {
  return disk_.Tell(fmt::format("power-loss {}", seed));
}

}  // namespace flotilla::chaos
