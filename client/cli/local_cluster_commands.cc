// `flotilla up` and `flotilla down`: a whole cluster on this machine.
#include <signal.h>
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "client/cli/cluster_health.h"
#include "client/cli/command.h"
#include "client/cli/local_cluster.h"
#include "client/cli/process_stopper.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr env::Duration kPoll = milliseconds(100);
constexpr size_t kLogTailBytes = 1500;

std::string Absolute(const std::string& path) {
  std::string absolute = std::filesystem::absolute(path).lexically_normal();
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  return absolute;
}

std::string LogTail(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const auto size = static_cast<size_t>(file.tellg());
  const size_t start = size > kLogTailBytes ? size - kLogTailBytes : 0;
  file.seekg(static_cast<std::streamoff>(start));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Json ProcessesToJson(const LocalCluster& cluster) {
  Json list = Json::MakeArray();
  for (const LocalProcess& process : cluster.processes()) {
    Json one = Json::MakeObject();
    one.Set("name", process.name).Set("pid", process.pid).Set("address", process.address());
    list.Append(std::move(one.Set("log", process.log)));
  }
  return list;
}

class UpCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    app.add_option("--stores", stores_, "Stores")->check(CLI::Range(1, 50))->capture_default_str();
    app.add_option("--pds", pds_, "PD members: 1, 3 or 5")
        ->check(CLI::IsMember({1, 3, 5}))
        ->capture_default_str();
    app.add_option("--data", data_, "Directory of the cluster; made if it is not there")
        ->required();
    app.add_option("--port-base", port_base_, "Port of the first PD member; the others follow")
        ->check(CLI::Range(1024, 65000))
        ->capture_default_str();
    app.add_flag("--detach", detach_, "Return when the cluster is healthy and leave it running");
    app.add_option("--pd-flag", pd_flags_, "Flag for every flotilla-pd, such as --pd-flag=--x=1");
    app.add_option("--store-flag", store_flags_, "Flag for every flotilla-store");
    app.add_option("--healthy-within", healthy_seconds_, "Seconds to wait for it to be healthy")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
  }

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    if (!detach_) context.processes.CatchInterrupts();
    absl::StatusOr<LocalCluster> cluster = Prepare(context);
    if (!cluster.ok()) return console.Fail(cluster.status());
    absl::Status status = StartAll(context, *cluster);
    if (status.ok()) status = AwaitHealthy(context, *cluster);
    if (!status.ok()) {
      StopStarted(context, *cluster);
      return console.Fail(status);
    }
    Announce(console, *cluster);
    if (detach_) return ExitCode::kOk;
    console.out.flush();
    while (!context.processes.Pause(seconds(1))) {
      if (const LocalProcess* dead = FindDead(context, *cluster)) {
        console.err << fmt::format("flotilla: {} (pid {}) has ended; its output is in {}\n",
                                   dead->name, dead->pid, dead->log);
        cluster->processes()[dead - cluster->processes().data()].pid = 0;
      }
    }
    if (!console.json) console.out << "stopping\n";
    return StopAll(context, *cluster, kDefaultKillAfter);
  }

 private:
  // The cluster of the directory, old or new, with everything checked that can be checked before
  // something is started.
  absl::StatusOr<LocalCluster> Prepare(CommandContext& context) {
    LocalCluster::Plan plan{Absolute(data_),
                            stores_,
                            pds_,
                            port_base_,
                            context.client_options.api_version == client::ApiVersion::kV1 ? 1 : 2,
                            pd_flags_,
                            store_flags_};
    absl::StatusOr<LocalCluster> cluster = LocalCluster::Load(plan.directory);
    if (absl::IsNotFound(cluster.status())) {
      std::error_code error;
      if (std::filesystem::exists(plan.directory, error) &&
          !std::filesystem::is_empty(plan.directory, error)) {
        return absl::FailedPreconditionError(
            fmt::format("{} is not empty and holds no cluster", plan.directory));
      }
      cluster = LocalCluster::Make(plan);
    } else if (cluster.ok()) {
      if (!context.console.json) {
        context.console.out << fmt::format(
            "{} holds a cluster of {} PD members and {} stores: starting that\n", plan.directory,
            cluster->plan().pds, cluster->plan().stores);
      }
      cluster->FindRunning(context.processes);
    }
    RETURN_IF_ERROR(cluster.status());
    RETURN_IF_ERROR(CheckFree(context, *cluster));
    return cluster;
  }

  static absl::Status CheckFree(CommandContext& context, const LocalCluster& cluster) {
    bool is_all_running = true;
    for (const LocalProcess& process : cluster.processes()) {
      if (process.pid != 0) continue;
      is_all_running = false;
      for (const int port : {process.port, process.status_port}) {
        if (context.processes.IsPortFree(port)) continue;
        return absl::FailedPreconditionError(fmt::format(
            "port {}, which {} needs, is taken: stop what uses it or choose another --port-base",
            port, process.name));
      }
    }
    if (!is_all_running) return absl::OkStatus();
    return absl::FailedPreconditionError(
        fmt::format("{} is in use: its cluster is running; `flotilla down --data {}` stops it",
                    cluster.plan().directory, cluster.plan().directory));
  }

  absl::Status StartAll(CommandContext& context, LocalCluster& cluster) {
    RETURN_IF_ERROR(cluster.Save());
    for (LocalProcess& process : cluster.processes()) {
      if (process.pid != 0) continue;
      ASSIGN_OR_RETURN(const std::string program, context.processes.FindProgram(process.program()));
      ASSIGN_OR_RETURN(process.pid,
                       context.processes.Spawn(cluster.CommandOf(process, program), process.log));
      started_.push_back(process.name);
      RETURN_IF_ERROR(cluster.Save());
    }
    return absl::OkStatus();
  }

  static const LocalProcess* FindDead(CommandContext& context, const LocalCluster& cluster) {
    for (const LocalProcess& process : cluster.processes()) {
      if (process.pid != 0 && !context.processes.IsAlive(process.pid)) return &process;
    }
    return nullptr;
  }

  absl::Status AwaitHealthy(CommandContext& context, const LocalCluster& cluster) {
    client::ClientOptions options = context.client_options;
    options.pd_addresses = cluster.pd_addresses();
    // Short, so that a process that ended at once is noticed soon.
    options.connect_timeout = seconds(1);
    const std::unique_ptr<Session> session = context.open_session(options);
    const env::Instant deadline =
        context.clock.Now() + milliseconds(static_cast<int64_t>(healthy_seconds_ * 1000));
    while (true) {
      if (const LocalProcess* dead = FindDead(context, cluster)) {
        return absl::UnknownError(fmt::format("{} has ended; the end of {}:\n{}", dead->name,
                                              dead->log, LogTail(dead->log)));
      }
      const std::string missing = WhatIsMissing(context, *session, cluster);
      if (missing.empty()) return absl::OkStatus();
      if (context.clock.Now() >= deadline) {
        return absl::DeadlineExceededError(
            fmt::format("the cluster is not healthy after {} s: {}; logs are in {}/logs",
                        healthy_seconds_, missing, cluster.plan().directory));
      }
      if (context.processes.Pause(kPoll)) return absl::CancelledError("interrupted");
    }
  }

  // Why the cluster is not healthy yet; empty: it is.
  static std::string WhatIsMissing(CommandContext& context, Session& session,
                                   const LocalCluster& cluster) {
    const auto state = CollectClusterState(session, context.clock.WallMillis());
    if (!state.ok()) return std::string(FromAbsl(state.status().message()));
    const size_t stores = static_cast<size_t>(cluster.plan().stores);
    if (state->stores.size() < stores) {
      return fmt::format("{} of {} stores have joined", state->stores.size(), stores);
    }
    const std::vector<std::string> problems = FindProblems(*state);
    return problems.empty() ? "" : problems.front();
  }

  void StopStarted(CommandContext& context, LocalCluster& cluster) {
    for (LocalProcess& process : cluster.processes()) {
      if (std::find(started_.begin(), started_.end(), process.name) == started_.end()) {
        process.pid = 0;
      }
    }
    StopProcesses(context.processes, context.clock, cluster.processes(), kDefaultKillAfter);
    cluster.FindRunning(context.processes);
    cluster.Save().IgnoreError();
  }

  static ExitCode StopAll(CommandContext& context, LocalCluster& cluster,
                          env::Duration kill_after) {
    const std::vector<Stopped> stopped =
        StopProcesses(context.processes, context.clock, cluster.processes(), kill_after);
    const absl::Status saved = cluster.Save();
    if (!saved.ok()) return context.console.Fail(saved);
    return ReportStopped(context.console, stopped);
  }

  void Announce(const Console& console, const LocalCluster& cluster) const {
    if (console.json) {
      Json json = Json::MakeObject();
      json.Set("healthy", true).Set("pd", cluster.pd_address());
      console.PrintJson(json.Set("processes", ProcessesToJson(cluster)));
      return;
    }
    console.out << fmt::format(
        "healthy: {} PD members and {} stores in {}\nPD is at {}; logs are in {}/logs\n",
        cluster.plan().pds, cluster.plan().stores, cluster.plan().directory, cluster.pd_address(),
        cluster.plan().directory);
    if (detach_) {
      console.out << fmt::format("stop it with: flotilla down --data {}\n",
                                 cluster.plan().directory);
    } else {
      console.out << "Ctrl-C stops it\n";
    }
  }

  int stores_ = 3;
  int pds_ = 3;
  std::string data_;
  int port_base_ = 2379;
  bool detach_ = false;
  std::vector<std::string> pd_flags_;
  std::vector<std::string> store_flags_;
  double healthy_seconds_ = 60;
  std::vector<std::string> started_;
};

class DownCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    app.add_option("--data", data_, "Directory of the cluster")->required();
    app.add_option("--kill-after", kill_after_seconds_,
                   "Seconds after which a process that does not stop is killed")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
  }

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    absl::StatusOr<LocalCluster> cluster = LocalCluster::Load(Absolute(data_));
    if (!cluster.ok()) return console.Fail(cluster.status());
    cluster->FindRunning(context.processes);
    const std::vector<Stopped> stopped =
        StopProcesses(context.processes, context.clock, cluster->processes(),
                      milliseconds(static_cast<int64_t>(kill_after_seconds_ * 1000)));
    const absl::Status saved = cluster->Save();
    if (!saved.ok()) return console.Fail(saved);
    return ReportStopped(console, stopped);
  }

 private:
  std::string data_;
  double kill_after_seconds_ = 30;
};

}  // namespace

void DeclareLocalClusterCommands(CommandTree& tree) {
  tree.Add<UpCommand>(tree.root(), "up", "Start a whole cluster on this machine");
  tree.Add<DownCommand>(tree.root(), "down", "Stop the cluster of a directory gracefully");
}

}  // namespace flotilla::cli
