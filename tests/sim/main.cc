// flotilla-sim: whole clusters under simulated faults, seed by seed. See --help and
// docs/simulation.md.
#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "tests/planted/catalogue.h"
#include "tests/sim/report_text.h"
#include "tests/sim/simulation.h"
#include "tests/sim/workers.h"

namespace flotilla::sim {
namespace {

struct Arguments {
  uint64_t seed = 1;
  uint64_t seeds = 1;
  uint64_t seconds = 30;
  int jobs = 1;
  int edition = Plan::kEdition;
  bool keep_going = false;
  std::string profile = "swarm";
  std::string log_level = "error";
  bool replay = false;
  bool messages = false;
  uint64_t region = 0;
  std::string planted;
  bool planted_list = false;
};

void AddOptions(CLI::App& app, Arguments& arguments) {
  app.add_option("--seed", arguments.seed, "The first seed")->capture_default_str();
  app.add_option("--seeds", arguments.seeds, "How many seeds in a row")->capture_default_str();
  app.add_option("--seconds", arguments.seconds, "Simulated seconds of faults, a seed")
      ->capture_default_str();
  app.add_option(
         "--jobs", arguments.jobs,
         "Processes that seeds are run in. With more than one, a seed whose process dies is "
         "named")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_flag("--keep-going", arguments.keep_going,
               "With one process: go on behind seeds that break a promise");
  app.add_option("--profile", arguments.profile, "swarm, storm or quiet")->capture_default_str();
  app.add_option("--edition", arguments.edition,
                 "What later editions of plans have added is not drawn: for seeds that were found "
                 "before")
      ->capture_default_str()
      ->check(CLI::Range(1, Plan::kEdition));
  app.add_flag("--replay", arguments.replay, "Print all that happens in the seed, as it happens");
  app.add_flag("--messages", arguments.messages,
               "With --replay: each Raft message, call, answer and message on a stream too");
  app.add_option("--region", arguments.region,
                 "With --replay: messages, as above, that name this region");
  app.add_option("--log", arguments.log_level,
                 "Level of the log of all processes: error, warning, info, debug or trace")
      ->capture_default_str();
  app.add_option("--planted", arguments.planted, "With this bug, in a build that holds them");
  app.add_flag("--planted-list", arguments.planted_list, "Print the planted bugs and end");
}

// 2 when it cannot be done as it is said.
absl::Status Prepare(const Arguments& arguments) {
  if (!arguments.planted.empty()) RETURN_IF_ERROR(planted::PlantByName(arguments.planted));
  RETURN_IF_ERROR(ProfileOf(arguments.profile).status());
  return base::SetLogLevel(arguments.log_level);
}

Report RunSeed(const Arguments& arguments, uint64_t seed, std::string& text) {
  Simulation::Watch watch;
  if (arguments.replay) {
    watch.trace = {arguments.messages || arguments.region != 0, RegionId(arguments.region)};
    // To the last line, though a process may stop itself.
    watch.listener = [](const std::string& line) { std::cout << line << "\n" << std::flush; };
  }
  const Plan plan = Plan::Draw(seed, *ProfileOf(arguments.profile), arguments.edition);
  if (arguments.replay) std::cout << plan.Describe();
  const Report report =
      Simulation(plan, std::chrono::seconds(arguments.seconds), std::move(watch)).Run();
  if (arguments.replay || !report.violations.empty()) {
    text = TextOf(report, arguments.replay ? Notes::kNone : Notes::kLast);
  }
  if (!report.violations.empty()) {
    text += fmt::format(
        "replay: flotilla-sim --seed {} --seconds {} --profile {} --edition {} --replay\n", seed,
        arguments.seconds, arguments.profile, arguments.edition);
  }
  return report;
}

// One seed after the other, in this process.
bool RunHere(const Arguments& arguments, Summary& summary) {
  bool ok = true;
  for (uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed) {
    // Where a process stops itself, the last line tells the seed.
    std::cerr << "seed " << seed << "\r";
    std::string text;
    const Report report = RunSeed(arguments, seed, text);
    summary.Add(report);
    std::cout << text << std::flush;
    if (report.violations.empty()) continue;
    ok = false;
    if (!arguments.keep_going) break;
  }
  return ok;
}

int Run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Simulates whole clusters, PD, stores and clients, in one thread and virtual time, with "
      "faults drawn from a seed. Ends with 1 at the first seed that breaks a promise.");
  AddOptions(app, arguments);
  CLI11_PARSE(app, argc, argv);
  if (arguments.planted_list) {
    std::cout << planted::CatalogueText();
    return EXIT_SUCCESS;
  }
  if (const absl::Status status = Prepare(arguments); !status.ok()) {
    std::cerr << "flotilla-sim: " << status.message() << "\n";
    return 2;
  }
  Summary summary;
  const bool ok =
      arguments.jobs == 1
          ? RunHere(arguments, summary)
          : RunInProcesses(
                {arguments.seed, arguments.seeds}, arguments.jobs,
                [&](uint64_t seed, std::string& text) { return RunSeed(arguments, seed, text); },
                summary,
                [](uint64_t, const std::string& text) { std::cout << text << std::flush; });
  if (ok || arguments.jobs > 1 || arguments.keep_going) std::cout << summary.Text();
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace flotilla::sim

int main(int argc, char** argv) { return flotilla::sim::Run(argc, argv); }
