#include "client/cli/posix_processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/fmt/fmt.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>

extern char** environ;

namespace flotilla::cli {
namespace {

// In /proc/PID/stat, see proc(5).
constexpr int kFieldsFromStateToThreads = 17;

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

sigset_t InterruptSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// The arguments of a process; none when it is gone.
std::vector<std::string> ArgumentsOf(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  // By getline, which ends in peace when the process goes away while it is read: the stream's
  // iterators would throw.
  for (std::string part; std::getline(file, part, '\0');) arguments.push_back(part);
  return arguments;
}

// What posix_spawn wants to know, freed at the end.
class SpawnSettings {
 public:
  explicit SpawnSettings(const std::string& log_file) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, log_file.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attributes_);
    // The child must not inherit that this process holds its interrupts back.
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

absl::StatusOr<int> PosixProcesses::Spawn(const std::vector<std::string>& arguments,
                                          const std::string& log_file) {
  const SpawnSettings settings(log_file);
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, pointers[0], settings.actions(), settings.attributes(),
                                pointers.data(), environ);
  if (error != 0) {
    return absl::UnknownError(
        fmt::format("cannot start {}: {}", arguments.front(), std::strerror(error)));
  }
  return pid;
}

bool PosixProcesses::IsAlive(int pid) {
  int wait_status = 0;
  if (waitpid(pid, &wait_status, WNOHANG) == pid) return false;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return false;
  // "pid (name) state ...", and 17 fields later the number of threads. A zombie of somebody else's
  // has ended too; but after a kill -9 a process looks like one as soon as its first thread has
  // ended, while the others still hold its ports and files.
  const size_t name_end = text.rfind(") ");
  if (name_end == text.npos || text[name_end + 2] != 'Z') return true;
  std::istringstream fields(text.substr(name_end + 2));
  std::string field;
  for (int i = 0; i < kFieldsFromStateToThreads && fields >> field; ++i) {
  }
  int threads = 0;
  return fields >> threads && threads > 1;
}

void PosixProcesses::Signal(int pid, int signal_number) { kill(pid, signal_number); }

std::vector<RunningProcess> PosixProcesses::FindByProgram(const std::string& base_name) {
  std::vector<RunningProcess> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc"), closedir);
  if (directory == nullptr) return found;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    std::vector<std::string> arguments = ArgumentsOf(name);
    if (arguments.empty() || BaseName(arguments.front()) != base_name) continue;
    found.push_back({std::atoi(name.c_str()), std::move(arguments)});
  }
  return found;
}

bool PosixProcesses::IsPortFree(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return false;
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_free =
      bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      listen(listener, 1) == 0;
  close(listener);
  return is_free;
}

absl::StatusOr<std::string> PosixProcesses::FindProgram(const std::string& base_name) {
  std::vector<std::string> places;
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof(self));
  if (length > 0) {
    const std::string path(self, static_cast<size_t>(length));
    places.push_back(path.substr(0, path.rfind('/')));
  }
  std::istringstream path_variable(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
  for (std::string place; std::getline(path_variable, place, ':');) places.push_back(place);
  for (const std::string& place : places) {
    const std::string candidate = place + "/" + base_name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return absl::FailedPreconditionError(fmt::format(
      "there is no program {} in {} or on PATH", base_name, places.empty() ? "" : places.front()));
}

void PosixProcesses::CatchInterrupts() {
  const sigset_t signals = InterruptSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  catches_ = true;
}

bool PosixProcesses::Pause(env::Duration wait) {
  const timespec time{wait.count() / 1'000'000'000, wait.count() % 1'000'000'000};
  if (!catches_ || interrupted_) {
    poll(nullptr, 0, static_cast<int>(wait.count() / 1'000'000));
    return interrupted_;
  }
  const sigset_t signals = InterruptSignals();
  interrupted_ = sigtimedwait(&signals, nullptr, &time) > 0;
  return interrupted_;
}

}  // namespace flotilla::cli
