#include "tests/sim/simulation.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "tests/sim/check/settled.h"

namespace flotilla::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Of the phase in which all is well again.
constexpr env::Duration kAnswerLimit = seconds(60);
constexpr env::Duration kSettleLimit = seconds(180);
constexpr env::Duration kWait = milliseconds(200);
// Longer than any deadline of a request.
constexpr env::Duration kLongestWait = seconds(60);
constexpr env::Duration kLookInterval = milliseconds(10);
// Of a whole seed: who does more does the same over and over again.
constexpr uint64_t kMostSteps = 3'000'000;

}  // namespace

Simulation::Simulation(const Plan& plan, env::Duration faulty, Watch watch)
    : plan_(plan),
      faulty_(faulty),
      random_(env::Random(plan.seed).Fork("simulation")),
      cluster_(plan_, watch.trace) {
  cluster_.SetListener(std::move(watch.listener));
  cluster_.SetRunner([this](env::Duration time) { RunFor(time); });
}

Report Simulation::Run() {
  report_.seed = plan_.seed;
  workloads_ = testing::MakeWorkloads({.keys = plan_.keys,
                                       .max_wall_skew = milliseconds(plan_.max_wall_skew_ms),
                                       .clock = &cluster_.world().clock(),
                                       .violations = &cluster_.violations(),
                                       .tallies = &report_.operations});
  const absl::Status started = cluster_.Start();
  if (!started.ok()) {
    cluster_.violations().Add("the cluster does not start: " + started.ToString());
  } else {
    for (const auto& client : cluster_.clients()) {
      drivers_.push_back(
          std::make_unique<Driver>(client.get(), &workloads_, plan_, env::Random(random_.Next())));
    }
    Safety();
    Liveness();
  }
  report_.violations = cluster_.violations().all();
  report_.hash = cluster_.world().fingerprint();
  report_.simulated = cluster_.world().now().time_since_epoch();
  report_.steps = cluster_.world().steps();
  report_.regions = cluster_.Led().size();
  report_.damage_found = cluster_.damage_found();
  report_.plan = plan_.Describe();
  report_.notes = cluster_.notes();
  // The end of the cluster still counts in the report.
  return report_;
}

void Simulation::Safety() {
  cluster_.BeginFaults();
  const env::Instant end = cluster_.world().now() + faulty_;
  const auto longest = static_cast<uint64_t>(plan_.max_fault_pause.count());
  while (cluster_.world().now() < end && cluster_.violations().empty()) {
    RunFor(env::Duration(random_.Uniform(longest)));
    StrikeOnce();
  }
}

void Simulation::RunFor(env::Duration time) {
  const env::Instant end = cluster_.world().now() + time;
  while (cluster_.world().now() < end) {
    cluster_.world().RunFor(std::min(kLookInterval, end - cluster_.world().now()));
    cluster_.BuryTheDead();
    if (cluster_.world().steps() > kMostSteps) {
      cluster_.violations().Add(fmt::format("resources: more than {} steps", kMostSteps));
      return;
    }
    for (const auto& check : checks_) check->Look(cluster_);
  }
}

void Simulation::StrikeOnce() {
  uint64_t total = 0;
  for (const WeightedName& fault : plan_.faults) total += fault.weight;
  if (total == 0) return;
  uint64_t left = random_.Uniform(total);
  auto drawn = plan_.faults.begin();
  for (; left >= drawn->weight; ++drawn) left -= drawn->weight;
  for (const auto& fault : faults_) {
    if (fault->name() != drawn->name) continue;
    if (fault->Strike(cluster_, random_)) ++report_.faults[drawn->name];
  }
}

bool Simulation::Await(const std::string& what, const std::function<std::string()>& missing,
                       env::Duration limit) {
  const env::Instant end = cluster_.world().now() + limit;
  std::string left;
  while (!(left = missing()).empty()) {
    if (cluster_.world().steps() > kMostSteps) return false;
    if (cluster_.world().now() >= end) {
      cluster_.violations().Add(fmt::format("liveness: {}: {}", what, left));
      return false;
    }
    RunFor(kWait);
  }
  return true;
}

void Simulation::Liveness() {
  if (!cluster_.violations().empty()) return;
  for (auto& driver : drivers_) driver->Finish();
  cluster_.Note("heal all");
  if (const absl::Status healed = cluster_.HealAll(); !healed.ok()) {
    cluster_.violations().Add("liveness: a process does not start: " + healed.ToString());
    return;
  }
  const auto unanswered = [this] {
    const auto busy = std::count_if(drivers_.begin(), drivers_.end(),
                                    [](const auto& driver) { return !driver->IsIdle(); });
    return busy == 0 ? std::string() : fmt::format("{} clients wait for answers", busy);
  };
  if (!Await("operations", unanswered, kAnswerLimit)) return;
  if (!Await(
          "regions", [this] { return WhatIsUnsettled(cluster_); }, kSettleLimit))
    return;
  for (const auto& check : checks_) check->AtRest(cluster_);
  for (auto& driver : drivers_) driver->BeginLastReads();
  if (!Await("the last reads", unanswered, kAnswerLimit)) return;
  for (auto& workload : workloads_) workload->Check();
  CheckNothingWaits();
}

void Simulation::CheckNothingWaits() {
  const auto in_flight = [this]() -> std::string {
    for (auto& node : cluster_.stores()) {
      const rpc::InFlight& requests = node->core().in_flight();
      if (requests.requests() == 0 && requests.bytes() == 0) continue;
      return fmt::format("{} has {} requests of {} bytes", node->host(), requests.requests(),
                         requests.bytes());
    }
    return "";
  };
  Await("requests in flight", in_flight, kAnswerLimit);
  for (const std::string& method : cluster_.fabric().WaitingFor(kLongestWait)) {
    cluster_.violations().Add("resources: a request is not answered: " + method);
  }
}

}  // namespace flotilla::sim
