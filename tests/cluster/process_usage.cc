#include "tests/cluster/process_usage.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/units.h"

namespace flotilla::cluster_test {
namespace {

uint64_t StatusBytes(int pid, const std::string& field) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size())) * kKiB;
  }
  return 0;
}

}  // namespace

bool IsStopped(int pid) {
  std::error_code error;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
    std::ifstream file(task.path() / "stat");
    std::string text;
    std::getline(file, text);
    // "id (name) state ...", see proc(5).
    const size_t name_end = text.rfind(") ");
    if (name_end == text.npos || text[name_end + 2] != 'T') return false;
  }
  return !error;
}

std::chrono::milliseconds CpuTimeOf(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return {};
  // The second field is the name in parentheses, which may hold spaces; user time is the 14th.
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  uint64_t user = 0;
  uint64_t system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 /
                                   static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
}

uint64_t ResidentBytesOf(int pid) { return StatusBytes(pid, "VmRSS:"); }
uint64_t PeakResidentBytesOf(int pid) { return StatusBytes(pid, "VmHWM:"); }

uint64_t DirectoryBytes(const std::string& path) {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code vanished;
    const uint64_t size = it->is_regular_file(vanished) ? it->file_size(vanished) : 0;
    if (!vanished) bytes += size;
  }
  return bytes;
}

}  // namespace flotilla::cluster_test
