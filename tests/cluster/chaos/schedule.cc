#include "tests/cluster/chaos/schedule.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

namespace flotilla::chaos {

Schedule DrawSchedule(const std::vector<Fault>& faults, const Targets& targets,
                      std::chrono::milliseconds length, std::chrono::milliseconds every,
                      env::Random random) {
  Schedule schedule;
  std::vector<const Fault*> turn;
  int64_t at = 0;
  while (!faults.empty()) {
    at += DrawMs(random, every.count() / 2, every.count() * 3 / 2);
    if (at >= length.count()) break;
    if (turn.empty()) {
      for (const Fault& fault : faults) turn.push_back(&fault);
    }
    const size_t i = random.Uniform(turn.size());
    Strike strike;
    strike.at_ms = at;
    strike.fault = turn[i]->name;
    turn[i]->draw(targets, random, &strike);
    schedule.push_back(std::move(strike));
    turn.erase(turn.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return schedule;
}

cli::Json ToJson(const Schedule& schedule) {
  cli::Json list = cli::Json::MakeArray();
  for (const Strike& strike : schedule) {
    cli::Json one = cli::Json::MakeObject();
    cli::Json nodes = cli::Json::MakeArray();
    for (const std::string& node : strike.nodes) nodes.Append(node);
    one.Set("at_ms", strike.at_ms).Set("for_ms", strike.for_ms).Set("fault", strike.fault);
    one.Set("nodes", std::move(nodes)).Set("value", strike.value);
    list.Append(std::move(one));
  }
  return list;
}

absl::StatusOr<Schedule> ScheduleFrom(const cli::Json& json, const std::vector<Fault>& faults,
                                      const Targets& targets) {
  const Names all = targets.all();
  Schedule schedule;
  for (const cli::Json& one : json.array()) {
    Strike strike;
    for (const char* name : {"at_ms", "for_ms", "fault", "nodes", "value"}) {
      if (one.Find(name) == nullptr) {
        return absl::InvalidArgumentError(fmt::format("{} has no {}", one.Dump(), name));
      }
    }
    strike.at_ms = one.Find("at_ms")->integer();
    strike.for_ms = one.Find("for_ms")->integer();
    strike.fault = one.Find("fault")->string();
    strike.value = one.Find("value")->integer();
    for (const cli::Json& node : one.Find("nodes")->array()) strike.nodes.push_back(node.string());
    const bool known = std::any_of(faults.begin(), faults.end(),
                                   [&](const Fault& fault) { return fault.name == strike.fault; });
    if (!known) return absl::InvalidArgumentError("there is no fault " + strike.fault);
    for (const std::string& node : strike.nodes) {
      if (std::find(all.begin(), all.end(), node) == all.end()) {
        return absl::InvalidArgumentError(
            fmt::format("{} strikes at {}, which is no node", strike.fault, node));
      }
    }
    schedule.push_back(std::move(strike));
  }
  std::stable_sort(schedule.begin(), schedule.end(),
                   [](const Strike& a, const Strike& b) { return a.at_ms < b.at_ms; });
  return schedule;
}

}  // namespace flotilla::chaos
