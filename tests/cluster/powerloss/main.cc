// flotilla-powerloss-fs: a file system whose unsynced bytes a power loss takes, for tests on real
// processes (docs/chaos.md). Commands come as lines over a Unix socket.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>

#include "tests/cluster/powerloss/mounted_volume.h"

namespace flotilla::powerloss {
namespace {

// -1, with errno.
int ListenAt(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return -1;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, 8) != 0) {
    return -1;
  }
  return listener;
}

// One line for each connection, and one answer.
void AnswerCommands(int listener, MountedVolume* volume) {
  while (true) {
    const int peer = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    char line[256] = {};
    const ssize_t length = read(peer, line, sizeof(line) - 1);
    const std::string answer = length > 0 ? volume->Command(line) : "error: no command";
    if (write(peer, answer.data(), answer.size()) < 0) std::cerr << "a command's asker is gone\n";
    close(peer);
  }
}

int Main(int argc, char** argv) {
  std::string mount_point;
  std::string socket_path;
  CLI::App app(
      "A file system in memory that loses, at a power loss, what was not synced. It serves its "
      "mount "
      "point until SIGTERM; its files are gone then.");
  app.add_option("--mount", mount_point, "Directory to mount at.")->required();
  app.add_option("--control", socket_path,
                 "Unix socket for commands, a line each: power-loss SEED, capacity BYTES, "
                 "sync-delay MS, fail-syncs N, lie 0|1, used.")
      ->required();
  CLI11_PARSE(app, argc, argv);
  const int listener = ListenAt(socket_path);
  if (listener < 0) {
    std::cerr << "flotilla-powerloss-fs: cannot listen at " << socket_path << ": "
              << std::strerror(errno) << "\n";
    return 1;
  }
  MountedVolume volume;
  std::thread commands(AnswerCommands, listener, &volume);
  const int code = volume.Serve(mount_point);
  if (code != 0) {
    std::cerr << "flotilla-powerloss-fs: cannot serve " << mount_point
              << ": it needs root and /dev/fuse\n";
  }
  shutdown(listener, SHUT_RDWR);
  commands.join();
  close(listener);
  unlink(socket_path.c_str());
  return code;
}

}  // namespace
}  // namespace flotilla::powerloss

int main(int argc, char** argv) { return flotilla::powerloss::Main(argc, argv); }
