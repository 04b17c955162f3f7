#include "tests/cluster/chaos/disk.h"

#include <signal.h>
#include <spdlog/fmt/fmt.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "client/cli/posix_processes.h"
#include "common/base/status_macros.h"
#include "tests/cluster/await.h"

namespace flotilla::chaos {
namespace {

bool IsMountPoint(const std::string& path) {
  struct stat here;
  struct stat above;
  return stat(path.c_str(), &here) == 0 && stat((path + "/..").c_str(), &above) == 0 &&
         here.st_dev != above.st_dev;
}

}  // namespace

Disk::Disk(std::string directory) : directory_(std::move(directory)), path_(directory_ + "/disk") {}

Disk::~Disk() {
  if (pid_ == 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

absl::Status Disk::Insert(const std::string& program) {
  std::filesystem::create_directories(path_);
  cli::PosixProcesses processes;
  ASSIGN_OR_RETURN(pid_, processes.Spawn({"/usr/bin/setpriv", "--pdeathsig", "TERM", program,
                                          "--mount", path_, "--control", directory_ + "/disk.sock"},
                                         directory_ + "/disk.log"));
  const bool mounted =
      cluster_test::Await(std::chrono::seconds(10), [this] { return IsMountPoint(path_); });
  if (mounted) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("no disk at {}: see {}/disk.log", path_, directory_));
}

absl::StatusOr<std::string> Disk::Tell(const std::string& command) {
  const std::string socket_path = directory_ + "/disk.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(socket_path + " is too long for a socket");
  }
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
  const int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char answer[512] = {};
  const bool answered =
      connect(peer, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      write(peer, command.data(), command.size()) == static_cast<ssize_t>(command.size()) &&
      read(peer, answer, sizeof(answer) - 1) > 0;
  const int error = errno;
  close(peer);
  if (!answered) {
    return absl::UnavailableError(
        fmt::format("the disk {} does not answer: {}", path_, std::strerror(error)));
  }
  if (!std::string_view(answer).starts_with("ok")) return absl::UnknownError(answer);
  return std::string(answer);
}

}  // namespace flotilla::chaos
