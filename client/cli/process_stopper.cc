#include "client/cli/process_stopper.h"

#include <signal.h>
#include <spdlog/fmt/fmt.h>

namespace flotilla::cli {
namespace {

constexpr env::Duration kPoll = std::chrono::milliseconds(50);

// Those of one kind together.
void StopKind(ProcessControl& control, const env::Clock& clock,
              std::vector<LocalProcess>& processes, LocalProcess::Kind kind,
              env::Duration kill_after, std::vector<Stopped>& stopped) {
  std::vector<LocalProcess*> left;
  for (LocalProcess& process : processes) {
    if (process.kind != kind || process.pid == 0) continue;
    control.Signal(process.pid, SIGTERM);
    left.push_back(&process);
  }
  const env::Instant deadline = clock.Now() + kill_after;
  bool has_killed = false;
  while (!left.empty()) {
    std::erase_if(left, [&](LocalProcess* process) {
      if (control.IsAlive(process->pid)) return false;
      stopped.push_back({process->name, process->pid, has_killed});
      process->pid = 0;
      return true;
    });
    if (left.empty()) return;
    if (!has_killed && clock.Now() >= deadline) {
      for (const LocalProcess* process : left) control.Signal(process->pid, SIGKILL);
      has_killed = true;
    }
    // A second Ctrl-C does not cut the wait short: the deadline does.
    control.Pause(kPoll);
  }
}

}  // namespace

std::vector<Stopped> StopProcesses(ProcessControl& control, const env::Clock& clock,
                                   std::vector<LocalProcess>& processes, env::Duration kill_after) {
  std::vector<Stopped> stopped;
  for (const auto kind : {LocalProcess::Kind::kStore, LocalProcess::Kind::kPd}) {
    StopKind(control, clock, processes, kind, kill_after, stopped);
  }
  return stopped;
}

ExitCode ReportStopped(const Console& console, const std::vector<Stopped>& stopped) {
  bool has_killed = false;
  Json list = Json::MakeArray();
  for (const Stopped& one : stopped) {
    has_killed = has_killed || one.was_killed;
    Json json = Json::MakeObject();
    json.Set("name", one.name).Set("pid", one.pid).Set("killed", one.was_killed);
    list.Append(std::move(json));
    if (console.json) continue;
    console.out << fmt::format("{} (pid {}) {}\n", one.name, one.pid,
                               one.was_killed ? "did not stop in time and was killed" : "stopped");
  }
  if (console.json) {
    console.PrintJson(Json::MakeObject().Set("stopped", std::move(list)));
  } else if (stopped.empty()) {
    console.out << "nothing was running\n";
  }
  return has_killed ? ExitCode::kFailed : ExitCode::kOk;
}

}  // namespace flotilla::cli
