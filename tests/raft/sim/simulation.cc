#include "tests/raft/sim/simulation.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace flotilla::raft::sim {
namespace {

// All logs begin here, as if a snapshot had been taken: peers that join later need one.
constexpr uint64_t kBase = 5;

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

// Followers count ticks: an election timeout of E ticks takes at least E - 1 whole ones.
Time LeaseOf(const Config& config) {
  return config.vote_hold_off_ticks == 0 ? 0 : (config.election_timeout_ticks - 1) * kTick;
}

}  // namespace

Simulation::Simulation(uint64_t seed, std::function<void(std::string_view)> trace)
    : Simulation(seed, DrawOptions(env::Random(seed).Fork("options")), std::move(trace)) {}

Simulation::Simulation(uint64_t seed, const Options& options,
                       std::function<void(std::string_view)> trace)
    : trace_(std::move(trace)),
      random_(env::Random(seed).Fork("run")),
      options_(options),
      checker_(&hosts_, LeaseOf(options_.config), {Term(1), Index(kBase)}) {
  AppState start{.at = {Term(1), Index(kBase)}, .hash = 1, .conf = {}};
  for (uint64_t id = 1; id <= options_.voters; ++id) start.conf.voters.emplace_back(id);
  for (uint64_t id = 1; id <= options_.voters + options_.spares; ++id) {
    hosts_.push_back(std::make_unique<Host>(PeerId(id)));
    if (id > options_.voters) continue;  // A spare begins with nothing.
    LogAppend append;
    append.snapshot = ToSnapshot(start);
    append.hard_state = HardState{Term(1), PeerId(0), start.at.index};
    hosts_.back()->Persist(append);
  }
}

RunResult Simulation::Run() {
  for (const auto& host : hosts_) Start(*host);
  Schedule(random_.Between(1, 5 * kTick), 0, FaultDue{});
  RunUntil(options_.chaos);
  if (checker_.violation().empty()) {
    Heal();
    CheckProgress();
  }
  RunResult result;
  result.violation = checker_.violation();
  result.hash = hash_;
  result.events = events_;
  result.committed = checker_.committed().value() - kBase;
  result.elections = checker_.elections();
  return result;
}

void Simulation::Schedule(Time at, size_t host, What what) {
  queue_.try_emplace({at, ++sequence_}, Event{host, 0, std::move(what)});
}

void Simulation::ScheduleMine(Time at, const Host& host, What what) {
  queue_.try_emplace({at, ++sequence_}, Event{Position(host), host.incarnation, std::move(what)});
}

void Simulation::RunUntil(Time end) {
  while (!queue_.empty() && checker_.violation().empty()) {
    auto next = queue_.begin();
    if (next->first.first > end) break;
    now_ = next->first.first;
    Event event = std::move(next->second);
    queue_.erase(next);
    Dispatch(std::move(event));
  }
  now_ = end;
}

void Simulation::Dispatch(Event event) {
  Host& host = *hosts_[event.host];
  ++events_;
  if (std::holds_alternative<FaultDue>(event.what)) return InjectFault();
  if (auto* delivery = std::get_if<Delivery>(&event.what); delivery != nullptr) {
    return Deliver(host, std::move(delivery->message));
  }
  if (event.incarnation != host.incarnation) return;
  if (std::holds_alternative<RestartDue>(event.what)) {
    if (!host.alive()) Start(host);
    return;
  }
  if (!host.alive()) return;
  std::visit(Overloaded{[&](TickDue&) {
                          ScheduleMine(now_ + kTick, host, TickDue{});
                          host.raw->Tick();
                          AfterStep(host);
                          if (!healing_) MakeRequests(host);
                        },
                        [&](DriveDue&) { Drive(host); }, [&](WriteDone&) { FinishWrites(host); },
                        [&](AckDue&) { FinishAck(host); }, [&](ApplyDue&) { FinishApply(host); },
                        [&](SnapshotReport& report) {
                          host.raw->ReportSnapshot(report.to, report.succeeded);
                          AfterStep(host);
                        },
                        [](auto&) { CHECK(false) << "an event without a handler"; }},
             event.what);
}

void Simulation::Trace(std::string_view kind, size_t host, const std::string& detail) {
  trace_(std::to_string(now_) + " peer " + std::to_string(host + 1) + " " + std::string(kind) +
         " " + detail);
}

}  // namespace flotilla::raft::sim
