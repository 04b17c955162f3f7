#include "common/env/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace flotilla::env {
namespace {

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

std::optional<uint64_t> ToNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

uint64_t MachineBytes(const std::string& root) {
  std::ifstream file(root + "proc/meminfo");
  for (std::string word; file >> word;) {
    if (word != "MemTotal:" || !(file >> word)) continue;
    const std::optional<uint64_t> kilobytes = ToNumber(word);
    return kilobytes ? *kilobytes * 1024 : kNone;
  }
  return kNone;
}

// "max", and an absent file, are no limit.
uint64_t LimitIn(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  if (!(file >> word)) return kNone;
  return ToNumber(word).value_or(kNone);
}

// Of a group and those around it. Inside a container the path of /proc/self/cgroup may be one of
// the host's; the top of what is mounted is then the container's own group.
uint64_t LimitOfGroup(const std::string& mount, std::string path, const std::string& name) {
  uint64_t limit = LimitIn(mount + "/" + name);
  while (!path.empty() && path != "/") {
    limit = std::min(limit, LimitIn(absl::StrCat(mount, path, "/", name)));
    path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  }
  return limit;
}

uint64_t GroupBytes(const std::string& root) {
  uint64_t limit = kNone;
  std::ifstream file(root + "proc/self/cgroup");
  // "0::/path" of version 2, "5:memory:/path" of version 1.
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    const std::string mount = root + "sys/fs/cgroup";
    if (controllers.empty()) {
      limit = std::min(limit, LimitOfGroup(mount, path, "memory.max"));
    } else if (controllers == "memory") {
      limit = std::min(limit, LimitOfGroup(mount + "/memory", path, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

}  // namespace

uint64_t MemoryLimitBytes(const std::string& root) {
  const uint64_t limit = std::min(MachineBytes(root), GroupBytes(root));
  return limit == kNone ? 0 : limit;
}

}  // namespace flotilla::env
