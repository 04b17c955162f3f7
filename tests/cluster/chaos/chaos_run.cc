#include "tests/cluster/chaos/chaos_run.h"

#include <spdlog/fmt/fmt.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include "common/base/status_macros.h"
#include "tests/cluster/chaos/chaos_clients.h"

namespace flotilla::chaos {
namespace {

using std::chrono::seconds;

// From the last fault to a cluster that has nothing wrong with it.
constexpr seconds kHealing{120};
constexpr seconds kLastOperations{60};
constexpr seconds kLastReads{120};

void Say(const std::string& what) { std::cout << what << "\n" << std::flush; }

absl::Status Lie(ChaosCluster& cluster) {
  for (const std::string& name : cluster.names()) {
    RETURN_IF_ERROR(cluster.node(name).disk().Tell("lie 1").status());
  }
  return absl::OkStatus();
}

// The disks are gone with their processes: what they held is copied as long as they are there.
void KeepDisks(ChaosCluster& cluster) {
  for (const std::string& name : cluster.names()) {
    const std::string& disk = cluster.node(name).disk().path();
    std::error_code error;
    std::filesystem::copy(disk, disk + ".kept", std::filesystem::copy_options::recursive, error);
    if (error) Say(fmt::format("the disk of {} could not be kept: {}", name, error.message()));
  }
}

void AddAll(testing::Violations* all, const std::vector<std::string>& more) {
  for (const std::string& one : more) all->Add(one);
}

// After the faults: everything must be well again, and everything be there.
void Settle(ChaosCluster& cluster, ChaosClients& clients, ChaosReport* report,
            testing::Violations* violations) {
  if (!clients.Finish(kLastOperations)) violations->Add("operations of clients never end");
  // Somebody is missing for good.
  if (!violations->empty()) return;
  if (!cluster.AwaitHealthy(kHealing)) {
    violations->Add(fmt::format("the cluster is not healthy {} s after the last fault:\n{}",
                                kHealing.count(), cluster.StatusText()));
    return;
  }
  Say("healthy again; reading everything");
  if (!clients.ReadAndCheck(kLastReads)) violations->Add("the last reads never end");
  report->replicas = CompareReplicas(&clients.connection(), violations);
}

void Hurt(const ChaosPlan& plan, const std::vector<Fault>& faults, ChaosCluster& cluster,
          ChaosReport* report, testing::Violations* violations) {
  ChaosClients::Plan of_clients;
  of_clients.pds = cluster.pd_endpoints();
  of_clients.seed = plan.seed;
  ChaosClients clients(of_clients);
  if (const absl::Status connected = clients.Connect(); !connected.ok()) {
    violations->Add("clients cannot connect: " + connected.ToString());
    return;
  }
  report->started = true;
  cluster.SetControl(clients.control());
  clients.Start();
  Nemesis nemesis(&faults, &cluster, violations);
  nemesis.Run(plan.schedule, plan.length,
              [&] { return clients.is_clean() && violations->empty(); });
  Say("faults are over");
  report->faults = nemesis.struck();
  Settle(cluster, clients, report, violations);
  AddAll(violations, clients.violations());
  report->operations = clients.tallies();
  if (!violations->empty()) {
    clients.WriteHistories(plan.cluster.directory);
    KeepDisks(cluster);
  }
}

}  // namespace

ChaosReport RunChaos(const ChaosPlan& plan, const std::vector<Fault>& faults) {
  const std::string& directory = plan.cluster.directory;
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/schedule.json") << ToJson(plan.schedule).DumpPretty();
  ChaosReport report;
  testing::Violations violations;
  ChaosCluster cluster(plan.cluster, &violations);
  absl::Status started = cluster.Start();
  if (started.ok() && plan.disks_lie) started = Lie(cluster);
  if (!started.ok()) {
    violations.Add("the cluster does not start: " + started.ToString());
  } else {
    Say("the cluster is up");
    Hurt(plan, faults, cluster, &report, &violations);
    cluster.Stop();
  }
  report.starts = cluster.starts();
  report.stopped_themselves = cluster.stopped_themselves();
  report.violations = violations.all();
  std::ofstream(directory + "/report.txt") << report.Text();
  return report;
}

std::string ChaosReport::Text() const {
  uint64_t all = 0;
  std::string text = fmt::format("faults {:>20} {:>10}\n", "strikes", "nodes");
  for (const auto& [name, hits] : faults) {
    text += fmt::format("  {:20} {:5} {:10}\n", name, hits.strikes, hits.nodes);
    all += hits.strikes;
  }
  text += fmt::format("  {} of {} kinds\n", all, faults.size());
  text += fmt::format("operations {:17} {:>10} {:>8}\n", "done", "unknown", "refused");
  for (const auto& [name, tally] : operations) {
    text +=
        fmt::format("  {:20} {:6} {:10} {:8}\n", name, tally.done, tally.unknown, tally.refused);
  }
  text += fmt::format(
      "processes started {} times; {} stopped themselves for their disk\n"
      "in the end {} pairs of {} regions, read from {} replicas\n",
      starts, stopped_themselves, replicas.pairs, replicas.regions, replicas.replicas);
  for (const std::string& violation : violations) text += "WRONG: " + violation + "\n";
  return text + fmt::format("verdict: {}\n", violations.empty()
                                                 ? "no anomaly"
                                                 : fmt::format("{} anomalies", violations.size()));
}

}  // namespace flotilla::chaos
