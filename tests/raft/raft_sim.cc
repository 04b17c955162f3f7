// raft-sim: runs the simulation of the bare Raft core for a range of seeds and prints one line a
// seed: its event hash, and what went wrong if anything did.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>

#include "tests/planted/catalogue.h"
#include "tests/raft/sim/simulation.h"

namespace {

constexpr char kUsage[] =
    "usage: raft-sim [--seed N] [--seeds K] [--planted BUG] [--trace]\n"
    "  Simulates a Raft group under faults, K times, from seed N on (default 1 and 1), checks the\n"
    "  invariants of Raft at every step, heals, and checks that the group makes progress.\n"
    "  --planted BUG  with this bug, in a build that holds them\n"
    "  --trace        print every event\n";

bool ParseCount(std::string_view text, uint64_t& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  using flotilla::raft::sim::RunResult;
  using flotilla::raft::sim::Simulation;
  uint64_t first = 1;
  uint64_t count = 1;
  bool trace = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--trace") {
      trace = true;
    } else if (argument == "--help") {
      std::cout << kUsage;
      return 0;
    } else if (i + 1 < argc && argument == "--seed" && ParseCount(argv[i + 1], first)) {
      ++i;
    } else if (i + 1 < argc && argument == "--seeds" && ParseCount(argv[i + 1], count)) {
      ++i;
    } else if (i + 1 < argc && argument == "--planted") {
      const absl::Status status = flotilla::planted::PlantByName(argv[++i]);
      if (!status.ok()) {
        std::cerr << "raft-sim: " << status.message() << "\n";
        return 2;
      }
    } else {
      std::cerr << "raft-sim: bad argument " << argument << "\n" << kUsage;
      return 2;
    }
  }
  std::function<void(std::string_view)> tracer;
  if (trace) tracer = [](std::string_view line) { std::cout << line << "\n"; };
  for (uint64_t seed = first; seed < first + count; ++seed) {
    // Told beforehand as well, so that a failed CHECK can be told by its seed.
    std::cout << "seed " << seed << std::flush;
    Simulation simulation(seed, tracer);
    if (trace) std::cout << " " << simulation.options().ToString() << "\n";
    const RunResult result = simulation.Run();
    char line[128];
    std::snprintf(line, sizeof(line), " hash %016llx events %llu committed %llu terms %llu\n",
                  static_cast<unsigned long long>(result.hash),
                  static_cast<unsigned long long>(result.events),
                  static_cast<unsigned long long>(result.committed),
                  static_cast<unsigned long long>(result.elections));
    std::cout << line << std::flush;
    if (!result.violation.empty()) {
      std::cout << "FAILED: " << result.violation << "\n"
                << "replay: raft-sim --seed " << seed << " --trace\n";
      return 1;
    }
  }
  return 0;
}
