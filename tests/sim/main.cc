// flotilla-sim: whole clusters under simulated faults, seed by seed. See --help and
// docs/simulation.md.
#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <string>

#include "common/base/log.h"
#include "tests/planted/catalogue.h"
#include "tests/sim/report_text.h"
#include "tests/sim/simulation.h"

namespace flotilla::sim {
namespace {

struct Arguments {
  uint64_t seed = 1;
  uint64_t seeds = 1;
  uint64_t seconds = 30;
  std::string profile = "swarm";
  std::string log_level = "error";
  bool replay = false;
  std::string planted;
  bool planted_list = false;
};

int Run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Simulates whole clusters, PD, stores and clients, in one thread and virtual time, with "
      "faults "
      "drawn from a seed. Ends with 1 at the first seed that breaks a promise.");
  app.add_option("--seed", arguments.seed, "The first seed")->capture_default_str();
  app.add_option("--seeds", arguments.seeds, "How many seeds in a row")->capture_default_str();
  app.add_option("--seconds", arguments.seconds, "Simulated seconds of faults, a seed")
      ->capture_default_str();
  app.add_option("--profile", arguments.profile, "swarm, storm or quiet")->capture_default_str();
  app.add_flag("--replay", arguments.replay, "Print all that happens in the seed");
  app.add_option("--log", arguments.log_level,
                 "Level of the log of all processes: error, warning, info, debug or trace")
      ->capture_default_str();
  app.add_option("--planted", arguments.planted, "With this bug, in a build that holds them");
  app.add_flag("--planted-list", arguments.planted_list, "Print the planted bugs and end");
  CLI11_PARSE(app, argc, argv);
  if (arguments.planted_list) {
    std::cout << planted::CatalogueText();
    return EXIT_SUCCESS;
  }
  if (!arguments.planted.empty()) {
    if (const absl::Status status = planted::PlantByName(arguments.planted); !status.ok()) {
      std::cerr << "flotilla-sim: " << status.message() << "\n";
      return 2;
    }
  }
  const absl::StatusOr<Profile> profile = ProfileOf(arguments.profile);
  if (!profile.ok()) {
    std::cerr << "flotilla-sim: " << profile.status().message() << "\n";
    return 2;
  }
  if (const absl::Status level = base::SetLogLevel(arguments.log_level); !level.ok()) {
    std::cerr << "flotilla-sim: " << level.message() << "\n";
    return 2;
  }
  Summary summary;
  for (uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed) {
    // Where a process stops itself, the last line tells the seed.
    std::cerr << "seed " << seed << "\r";
    Simulation simulation(Plan::Draw(seed, *profile), std::chrono::seconds(arguments.seconds));
    const Report report = simulation.Run();
    summary.Add(report);
    if (arguments.replay || !report.violations.empty()) {
      std::cout << TextOf(report, arguments.replay);
    }
    if (report.violations.empty()) continue;
    std::cout << fmt::format("replay: flotilla-sim --seed {} --seconds {} --profile {} --replay\n",
                             seed, arguments.seconds, arguments.profile);
    return EXIT_FAILURE;
  }
  std::cout << summary.Text();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace flotilla::sim

int main(int argc, char** argv) { return flotilla::sim::Run(argc, argv); }
