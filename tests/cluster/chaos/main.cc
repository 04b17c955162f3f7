// flotilla-chaos: a cluster of real processes under faults drawn from a seed. See --help and
// docs/chaos.md.
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "common/base/log.h"
#include "tests/cluster/chaos/chaos_run.h"

namespace flotilla::chaos {
namespace {

enum ExitCode { kClean = 0, kAnomaly = 1, kWrongUsage = 2, kCannotRun = 3 };

struct Arguments {
  uint64_t seed = 1;
  int64_t seconds = 60;
  int pds = 3;
  int stores = 5;
  double fault_every = 6;
  std::vector<std::string> faults;
  std::vector<std::string> without;
  std::string schedule_file;
  std::string evidence;
  bool disks_lie = false;
};

Names Numbered(const std::string& kind, int count) {
  Names names;
  for (int i = 1; i <= count; ++i) names.push_back(fmt::format("{}-{}", kind, i));
  return names;
}

// Those with these names, all when none is named; but for others.
absl::StatusOr<std::vector<Fault>> Chosen(const std::vector<std::string>& names,
                                          const std::vector<std::string>& without) {
  std::vector<Fault> all = AllFaults();
  for (const std::string& name : without) {
    const size_t left_out =
        std::erase_if(all, [&](const Fault& fault) { return fault.name == name; });
    if (left_out == 0) {
      return absl::InvalidArgumentError("--without: there is no fault " + name + "; see --help");
    }
  }
  if (names.empty()) return all;
  std::vector<Fault> chosen;
  for (const std::string& name : names) {
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const Fault& fault) { return fault.name == name; });
    if (at == all.end()) {
      return absl::InvalidArgumentError("--faults: there is no fault " + name + "; see --help");
    }
    chosen.push_back(*at);
  }
  return chosen;
}

absl::StatusOr<Schedule> MakeSchedule(const Arguments& arguments, const Targets& targets,
                                      const std::vector<Fault>& faults) {
  if (arguments.schedule_file.empty()) {
    return DrawSchedule(
        faults, targets, std::chrono::seconds(arguments.seconds),
        std::chrono::milliseconds(static_cast<int64_t>(arguments.fault_every * 1000)),
        env::Random(arguments.seed).Fork("schedule"));
  }
  std::ifstream file(arguments.schedule_file);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto json = cli::Json::Parse(text);
  if (!json.ok()) {
    return absl::InvalidArgumentError(arguments.schedule_file + ": " + json.status().ToString());
  }
  return ScheduleFrom(*json, faults, targets);
}

std::string FaultsText() {
  std::string text = "Faults:\n";
  for (const Fault& fault : AllFaults())
    text += fmt::format("  {:18} {}\n", fault.name, fault.what);
  return text + "Exit codes: 0 no anomaly, 1 an anomaly, 2 wrong usage, 3 it could not run here.\n";
}

ExitCode Run(const Arguments& arguments) {
  ChaosPlan plan;
  plan.seed = arguments.seed;
  plan.length = std::chrono::seconds(arguments.seconds);
  plan.disks_lie = arguments.disks_lie;
  plan.cluster.pds = arguments.pds;
  plan.cluster.stores = arguments.stores;
  plan.cluster.seed = arguments.seed;
  plan.cluster.programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  plan.cluster.directory = std::filesystem::absolute(
      arguments.evidence.empty()
          ? std::filesystem::temp_directory_path() / fmt::format("flotilla-chaos-{}", getpid())
          : std::filesystem::path(arguments.evidence));
  const absl::StatusOr<std::vector<Fault>> faults = Chosen(arguments.faults, arguments.without);
  const Targets targets = {Numbered("pd", arguments.pds), Numbered("store", arguments.stores)};
  if (!faults.ok()) {
    std::cerr << "flotilla-chaos: " << faults.status().message() << "\n";
    return kWrongUsage;
  }
  const absl::StatusOr<Schedule> schedule = MakeSchedule(arguments, targets, *faults);
  if (!schedule.ok()) {
    std::cerr << "flotilla-chaos: " << schedule.status().message() << "\n";
    return kWrongUsage;
  }
  plan.schedule = *schedule;
  if (std::filesystem::exists(plan.cluster.directory) &&
      !std::filesystem::is_empty(plan.cluster.directory)) {
    std::cerr << "flotilla-chaos: " << plan.cluster.directory
              << " is not empty; choose another --evidence\n";
    return kWrongUsage;
  }
  std::cout << fmt::format("seed {}, {} PD members, {} stores, {} faults in {} s; evidence in {}\n",
                           arguments.seed, arguments.pds, arguments.stores, plan.schedule.size(),
                           arguments.seconds, plan.cluster.directory);
  const ChaosReport report = RunChaos(plan, *faults);
  std::cout << report.Text();
  if (report.violations.empty()) {
    if (arguments.evidence.empty()) std::filesystem::remove_all(plan.cluster.directory);
    return kClean;
  }
  std::cout << fmt::format(
      "replay: flotilla-chaos --seed {} --seconds {} --schedule {}/schedule.json\n", arguments.seed,
      arguments.seconds, plan.cluster.directory);
  return report.started ? kAnomaly : kCannotRun;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Runs a cluster of real processes, each in a network and on a disk of its own, hurts it as a "
      "seed says, and checks what clients were told. Needs root, /dev/fuse, ip and nft.");
  app.add_option("--seed", arguments.seed, "Draws faults and operations")->capture_default_str();
  app.add_option("--seconds", arguments.seconds, "Time of faults")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--pds", arguments.pds, "PD members")
      ->check(CLI::IsMember({1, 3, 5}))
      ->capture_default_str();
  app.add_option("--stores", arguments.stores, "Stores")
      ->check(CLI::Range(3, 50))
      ->capture_default_str();
  app.add_option("--fault-every", arguments.fault_every, "Seconds between faults, on average")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--faults", arguments.faults, "Only these, with commas between them")
      ->delimiter(',');
  app.add_option("--without", arguments.without, "All but these, with commas between them")
      ->delimiter(',');
  app.add_option("--schedule", arguments.schedule_file,
                 "Strikes as in this file, schedule.json of another run's evidence")
      ->check(CLI::ExistingFile);
  app.add_option("--evidence", arguments.evidence,
                 "Directory for schedule, logs, histories and disks; else one that is removed when "
                 "nothing is wrong");
  app.add_flag("--disks-lie", arguments.disks_lie,
               "Disks answer syncs and do nothing: with power-loss, an anomaly must be found");
  app.footer(FaultsText());
  CLI11_PARSE(app, argc, argv);
  // Of the clients, for which faults are no news.
  base::SetLogLevel("error").IgnoreError();
  // Before there is a second thread.
  if (!LeaveSharedNamespaces()) {
    std::cerr << "flotilla-chaos: no network and mounts of its own: " << std::strerror(errno)
              << "; it needs root (CAP_SYS_ADMIN)\n";
    return kCannotRun;
  }
  return Run(arguments);
}

}  // namespace
}  // namespace flotilla::chaos

int main(int argc, char** argv) { return flotilla::chaos::Main(argc, argv); }
