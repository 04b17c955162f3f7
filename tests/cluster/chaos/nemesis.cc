#include "tests/cluster/chaos/nemesis.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iostream>
#include <utility>

#include "client/cli/posix_processes.h"
#include "common/base/check.h"

namespace flotilla::chaos {
namespace {

constexpr std::chrono::milliseconds kPoll{50};

std::string Describe(const Strike& strike) {
  std::string text = strike.fault;
  for (const std::string& node : strike.nodes) text += " " + node;
  return text;
}

}  // namespace

const Fault& Nemesis::FaultOf(const Strike& strike) const {
  const auto at = std::find_if(faults_->begin(), faults_->end(),
                               [&](const Fault& fault) { return fault.name == strike.fault; });
  CHECK(at != faults_->end()) << strike.fault;
  return *at;
}

void Nemesis::Note(const absl::Status& status, const Strike& strike) {
  if (!status.ok()) {
    violations_->Add(fmt::format("the harness failed at {}: {}", Describe(strike),
                                 std::string(status.message())));
  }
}

void Nemesis::Begin(const Strike& strike, int64_t now_ms) {
  std::cout << fmt::format("{:8.1f} s  {}, {:.1f} s\n", static_cast<double>(now_ms) / 1000,
                           Describe(strike), static_cast<double>(strike.for_ms) / 1000)
            << std::flush;
  Note(FaultOf(strike).begin(*cluster_, strike), strike);
  going_on_.emplace(now_ms + strike.for_ms, strike);
  ++struck_[strike.fault].strikes;
  struck_[strike.fault].nodes += strike.nodes.size();
}

void Nemesis::EndUntil(int64_t now_ms) {
  while (!going_on_.empty() && going_on_.begin()->first <= now_ms) {
    const Strike strike = going_on_.begin()->second;
    going_on_.erase(going_on_.begin());
    Note(FaultOf(strike).end(*cluster_, strike), strike);
  }
}

void Nemesis::Run(const Schedule& schedule, std::chrono::milliseconds length,
                  const std::function<bool()>& goes_on) {
  cli::PosixProcesses processes;
  const env::Instant begin = clock_.Now();
  size_t next = 0;
  while (goes_on()) {
    const int64_t now_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Now() - begin).count();
    if (now_ms >= length.count() && next == schedule.size()) break;
    while (next < schedule.size() && schedule[next].at_ms <= now_ms)
      Begin(schedule[next++], now_ms);
    EndUntil(now_ms);
    cluster_->Tend();
    if (processes.Pause(kPoll)) break;
  }
  EndUntil(INT64_MAX);
}

}  // namespace flotilla::chaos
